import type { NetworkInterfaceInfo } from 'node:os';
import { parseIp } from '../../spec/address.ts';

export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * The network interface whose network holds an address, the smallest network where several do; undefined for none.
 * @param without addresses that do not count: a floating one that is here already stands for no network.
 */
export function deviceOf(
  address: string,
  interfaces: Interfaces,
  without: readonly string[],
): string | undefined {
  const found = Object.entries(interfaces).flatMap(([device, list = []]) =>
    list
      .filter((info) => !info.internal && !without.includes(info.address))
      .flatMap(({ cidr }) => {
        const prefix = cidr === null ? undefined : prefixHolding(cidr, address);
        return prefix === undefined ? [] : [{ device, prefix }];
      }),
  );
  return found.toSorted((left, right) => right.prefix - left.prefix)[0]?.device;
}

/** The length of the prefix, when the network holds the address. */
function prefixHolding(cidr: string, address: string): number | undefined {
  const [base = '', length] = cidr.split('/');
  const [network, one] = [parseIp(base), parseIp(address)];
  const prefix = Number(length);
  if (!network || !one || network.kind() !== one.kind()) return undefined;
  return one.match([network, prefix] as never) ? prefix : undefined;
}
