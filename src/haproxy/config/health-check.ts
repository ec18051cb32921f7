import { durationMs } from '../../base/duration.ts';
import { parseIp } from '../../spec/address.ts';
import type { HealthCheck } from '../../spec/health-check.ts';
import { quote, quoteLogFormat } from './quote.ts';

/** Directives of a backend section that say what a check sends and expects. */
export function checkLines(check: HealthCheck, hasIpv6Target: boolean): string[] {
  const timeout = `timeout check ${check.timeout}`;
  if (check.type === 'tcp') return [timeout];
  // A server's name is its target, which is what a client of it would send; an IPv6 one lacks its brackets there.
  const host =
    check.host === undefined ? (hasIpv6Target ? 'localhost' : '%[srv_name]') : quoteLogFormat(check.host);
  return [
    timeout,
    'option httpchk',
    `http-check send meth ${check.method} uri ${quote(check.path)} ver HTTP/1.1 hdr Host ${host} hdr User-Agent agentmetal-health-check`,
    `http-check expect status ${check.expectStatus}`,
    ...(check.expectBody === undefined ? [] : [`http-check expect string ${quote(check.expectBody)}`]),
  ];
}

/** Keywords of a `server` line that say how often and where a check goes. */
export function checkKeywords(check: HealthCheck): string {
  return [
    `check inter ${check.interval} fastinter ${retryIntervalMs(check)}ms fall ${check.fall} rise ${check.rise}`,
    ...connectKeywords(check),
  ].join(' ');
}

/** The same for a backend that is looked at for the first time: at once, and a single pass is enough. */
export function admissionKeywords(check: HealthCheck): string {
  return [`check inter 10ms fall ${check.fall} rise 1`, ...connectKeywords(check)].join(' ');
}

function connectKeywords(check: HealthCheck): string[] {
  return [
    ...(check.port === undefined ? [] : [`port ${check.port}`]),
    ...(check.type === 'https' ? tlsKeywords(check.host) : []),
  ];
}

function tlsKeywords(host: string | undefined): string[] {
  const name = host?.replace(/:\d+$/, '');
  const sni = name === undefined || name.startsWith('[') || parseIp(name) ? [] : [`check-sni ${quote(name)}`];
  return ['check-ssl verify none', ...sni];
}

/**
 * Time between the checks of a backend that is changing state. HAProxy counts it from the end of a check, so checks
 * that time out would take `fall × (interval + timeout)`; with this, a backend is out within `fall × interval`,
 * whether it refuses connections or no longer answers.
 */
export function retryIntervalMs({ interval, timeout, fall }: HealthCheck): number {
  const intervalMs = durationMs(interval);
  if (fall === 1) return intervalMs;
  const spare = intervalMs - (durationMs(timeout) * fall) / (fall - 1);
  return Math.max(Math.min(100, intervalMs), Math.floor(spare));
}
