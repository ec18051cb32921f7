import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { Sticky } from '../../spec/sticky.ts';

/** Stickiness in words; empty when there is none. */
export function stickyText(sticky: Sticky | undefined): string {
  if (!sticky) return '';
  if (sticky.mode === 'source-ip') return `source-ip, ${sticky.ttl}`;
  return `cookie ${sticky.cookieName}${sticky.ttl === undefined ? '' : `, ${sticky.ttl}`}`;
}

/** The general rate limit in words; empty when there is none. */
export function rateLimitText({ rateLimit }: Pick<LoadBalancerSpec, 'rateLimit'>): string {
  if (!rateLimit) return '';
  const { requests, window, action, key, exempt } = rateLimit;
  const except = exempt.length === 0 ? '' : `, but for ${networksText(exempt)}`;
  return `${requests} per ${window} by ${key}, then ${action}${except}`;
}

/** Who may come in, in words; empty when everyone may. */
export function accessText({ access }: Pick<LoadBalancerSpec, 'access'>): string {
  const { allow = [], deny = [] } = access ?? {};
  return [
    ...(allow.length === 0 ? [] : [`only ${networksText(allow)}`]),
    ...(deny.length === 0 ? [] : [`not ${networksText(deny)}`]),
  ].join('; ');
}

/** Whether clients get the maintenance page; empty when they never did. */
export function maintenanceText({ maintenance }: Pick<LoadBalancerSpec, 'maintenance'>): string {
  if (!maintenance) return '';
  const { enabled, exempt } = maintenance;
  return `${enabled ? 'on' : 'off'}${exempt.length === 0 ? '' : `, but for ${networksText(exempt)}`}`;
}

/** A few networks by name, of many only how many. */
function networksText(networks: readonly string[]): string {
  return networks.length <= 4 ? networks.join(', ') : `${networks.length} networks`;
}
