import type { LoadBalancer } from '../../api/load-balancer.ts';
import { portRanges } from '../../spec/port-range.ts';

type Seen = Pick<LoadBalancer, 'status'>;

/** What a node shows that listens on every address of its machine. */
const ANY_ADDRESS = '*';
const HTTPS_PORT = 443;
const FIRST_HIGH_PORT = 1024;
/** More listeners than this are only counted. */
const MAX_LISTENERS = 10;

/** Where clients reach it. A machine whose addresses are not known listens all the same. */
export function addressTexts({ status }: Seen): string[] {
  if (status.addresses.length > 0) return status.addresses;
  return status.nodes.some(({ address }) => address === ANY_ADDRESS) ? ['all addresses'] : [];
}

/** Host and port for plain clients: what a node really listens on, because the port may be moved there. */
export function clientPlace({ status }: Seen): string | undefined {
  const listener = status.nodes.flatMap(({ listeners }) => listeners).find((text) => !text.endsWith(':443'));
  const [address] = status.addresses;
  const place = listener ?? (address === undefined ? undefined : bracketed(address));
  return place?.replace(/^\*(?=:)/, bracketed(address ?? '127.0.0.1')).replace(/:80$/, '');
}

/** Every address and port that is listened on, and why the ports are others than those of the spec. */
export function listenerText({ spec, status }: Pick<LoadBalancer, 'spec' | 'status'>): string {
  const listeners = [...new Set(status.nodes.flatMap((node) => node.listeners))];
  const offset = portOffset(wantedPorts(spec), listeners.map(portOf));
  const moved = offset > 0 ? ` (ports below ${FIRST_HIGH_PORT} are moved by ${offset} on this machine)` : '';
  const rest = listeners.length - MAX_LISTENERS;
  const shown = listeners.slice(0, MAX_LISTENERS).join(', ');
  return `${shown}${rest > 0 ? ` and ${rest} more` : ''}${moved}`;
}

/** States in which a real certificate is served, a good one or not. */
const SERVED = new Set(['active', 'renewing', 'revoked', 'expired']);

/** What HTTPS answers with while no certificate is served; empty where one is, or where HTTPS is not spoken. */
export function placeholderText({ spec, status }: Pick<LoadBalancer, 'spec' | 'status'>): string {
  if (spec.type !== 'http' || status.certificates.some(({ state }) => SERVED.has(state))) return '';
  const wanted = wantedPorts(spec);
  const offset = portOffset(wanted, status.nodes.flatMap(({ listeners }) => listeners).map(portOf));
  return `none; ${HTTPS_PORT + offset} answers with a self-signed placeholder`;
}

function wantedPorts(spec: LoadBalancer['spec']): number[] {
  const ports = portRanges(spec).flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  return spec.type === 'http' ? [...ports, HTTPS_PORT] : ports;
}

/** How far low ports are moved: the lowest of them is the lowest of the ports that nobody asked for. */
function portOffset(wanted: readonly number[], bound: readonly number[]): number {
  const missing = wanted.filter((port) => port < FIRST_HIGH_PORT && !bound.includes(port));
  const unasked = bound.filter((port) => !wanted.includes(port));
  if (missing.length === 0 || unasked.length === 0) return 0;
  return Math.min(...unasked) - Math.min(...missing);
}

function portOf(listener: string): number {
  return Number(/:(\d+)$/.exec(listener)?.[1] ?? 0);
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
