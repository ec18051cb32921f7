import { networkInterfaces } from 'node:os';

/** Addresses of this host on which others can reach it. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? [])
      .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
      .map(({ address }) => address),
  );
}

/** What others call to reach a listener: of all addresses at once the host's first one, IPv4 before IPv6. */
export function reachableHost(host: string, addresses: readonly string[]): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const first = addresses.find((address) => !address.includes(':')) ?? addresses[0];
  return first ?? (host === '::' ? '::1' : '127.0.0.1');
}
