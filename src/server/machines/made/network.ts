import type { Route } from '../../../machines/network/links.ts';
import type { MachineNetwork, PublicNetwork, VpcNetwork } from '../../../machines/network/networks.ts';
import { type Cidr, cidrContains, cidrHosts, parseCidr, parseIp } from '../../../spec/address.ts';
import type { VpcDriver } from '../../../spec/vpc-driver.ts';
import type { VpcRecord } from '../../../store/vpcs.ts';

type Vpc = Pick<VpcRecord, 'id' | 'spec'>;

/** The network of a VPC whose driver makes machines. */
export function vpcNetwork({ id, spec }: Vpc, { bridge }: Pick<VpcDriver, 'bridge'>): VpcNetwork {
  return { id, bridge, address: firstOf(spec.cidrs[0] ?? '') };
}

/** The network on which clients reach the machines of a VPC; null where there is none. */
export function publicNetwork({ public: outside }: VpcDriver): PublicNetwork | null {
  return outside && { cidr: outside.cidr, bridge: outside.bridge, address: firstOf(outside.cidr) };
}

/** How a machine with these addresses is plugged in. */
export function machineNetwork(
  vpc: Vpc,
  driver: VpcDriver,
  { address, publicAddress }: { address: string; publicAddress: string | null },
): MachineNetwork {
  const { cidrs } = vpc.spec;
  const home = networkOf(cidrs, address);
  const others = cidrs.filter((cidr) => cidr !== home?.text).map((to) => routeTo(to, driver.gateway));
  const outside = publicNetwork(driver);
  const isOutside = outside !== null && publicAddress !== null;
  const byRouter =
    !isOutside && driver.gateway !== null ? [routeTo(everywhere(driver.gateway), driver.gateway)] : [];
  return {
    vpc: vpcNetwork(vpc, driver),
    address: `${address}/${home?.cidr.prefix ?? 32}`,
    routes: [...others, ...byRouter],
    public: isOutside
      ? {
          ...outside,
          own: `${publicAddress}/${parseCidr(outside.cidr)?.prefix ?? 32}`,
          routes: publicRoutes(driver, outside),
        }
      : null,
  };
}

/** On a network of its own the host is the router. */
function publicRoutes({ public: wanted }: VpcDriver, { bridge, address }: PublicNetwork): Route[] {
  const gateway = wanted?.gateway ?? (bridge === null ? withoutPrefix(address) : null);
  return gateway === null ? [] : [routeTo(everywhere(gateway), gateway)];
}

function routeTo(to: string, via: string | null): Route {
  return via === null ? { to } : { to, via };
}

function everywhere(gateway: string): string {
  return gateway.includes(':') ? '::/0' : '0.0.0.0/0';
}

function networkOf(cidrs: readonly string[], address: string): { text: string; cidr: Cidr } | undefined {
  const ip = parseIp(address);
  for (const text of cidrs) {
    const cidr = parseCidr(text);
    if (cidr && ip && cidrContains(cidr, ip)) return { text, cidr };
  }
  return undefined;
}

/** The first address of a network, with the length of the prefix. */
function firstOf(text: string): string {
  const cidr = parseCidr(text);
  const first = cidr && cidrHosts(cidr).next().value;
  return `${first ?? ''}/${cidr?.prefix ?? 32}`;
}

export function withoutPrefix(address: string): string {
  return address.split('/')[0] ?? address;
}
