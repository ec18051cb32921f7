import { z } from 'zod';
import { durationBetween } from './duration.ts';
import { formatIp, parseIp } from './address.ts';
import { Labels, ResourceName } from './name.ts';
import { AddressOrNetworkText, CidrText, IpText } from './network-text.ts';
import { isHostName } from './target.ts';
import { VpcDriver } from './vpc-driver.ts';

export const HostName = z
  .string()
  .overwrite((text) => text.toLowerCase())
  .refine(isHostName, { error: 'must be a host name such as web-1' })
  .describe('A host’s name inside the VPC.')
  .meta({ examples: ['web-1'] });

const NAME_SERVER = /^(?:\[(?<v6>[^\]]+)\]:(?<p6>\d{1,5})|(?<v4>[^:]+):(?<p4>\d{1,5})|(?<bare>.+))$/;

/** Takes a name server apart: `10.0.0.2`, `10.0.0.2:5353`, `fd00::2` or `[fd00::2]:5353`. */
export function parseNameServer(text: string): { address: string; port: number } | undefined {
  const groups = NAME_SERVER.exec(text)?.groups;
  const ip = parseIp(groups?.['v6'] ?? groups?.['v4'] ?? groups?.['bare'] ?? '');
  const port = Number(groups?.['p6'] ?? groups?.['p4'] ?? 53);
  return ip && port >= 1 && port <= 65_535 ? { address: formatIp(ip), port } : undefined;
}

/** A member of a VPC: a name and its addresses. */
export const VpcHost = z
  .strictObject({
    name: HostName,
    addresses: z
      .array(IpText)
      .min(1)
      .max(16)
      .describe('The host’s addresses. A backend named after the host goes to the first of them.'),
  })
  .describe('A member of the VPC.');
export type VpcHost = z.infer<typeof VpcHost>;

const AsNumber = z.int().min(1).max(4_294_967_294);

/** A router that takes announcements. */
export const BgpRouter = z
  .strictObject({
    address: IpText.describe('Its address, in a network that the machines of the VPC have an interface in.'),
    asn: AsNumber.describe('Its autonomous system. That of the nodes makes it an internal session (iBGP).'),
    password: z
      .string()
      .max(80)
      .regex(/^[ !#-~]*$/, 'must be printable ASCII without quotation marks')
      .optional()
      .describe(
        'TCP MD5 password of the session (RFC 2385). It is stored encrypted and never comes back. Default: the one that is stored for the router; empty: none.',
      ),
    hasPassword: z
      .boolean()
      .optional()
      .describe('Told only: whether a password is stored. What is given here is ignored.'),
  })
  .describe('A router of the network that takes announcements by BGP.');
export type BgpRouter = z.infer<typeof BgpRouter>;

export const Bgp = z
  .strictObject({
    asn: AsNumber.describe('Autonomous system of the nodes of the VPC’s load balancers.'),
    routers: z
      .array(BgpRouter)
      .min(1)
      .max(8)
      .describe('The routers that nodes announce addresses to. BFD is used where a router has it.'),
  })
  .describe('How load balancers with several nodes announce their floating address.');
export type Bgp = z.infer<typeof Bgp>;

/** Three heartbeats may go missing before an agent counts as silent at all. */
const MIN_SILENCE_MS = 30_000;
const MAX_SILENCE_MS = 7 * 86_400_000;

export const VpcSpec = z
  .strictObject({
    cidrs: z
      .array(CidrText)
      .min(1)
      .max(32)
      .describe('The networks that belong to the VPC. Backends must lie in them.'),
    nameServers: z
      .array(
        z.string().refine((text) => parseNameServer(text) !== undefined, {
          error: 'must be a name server’s address, with or without a port: 10.0.0.2 or 10.0.0.2:5353',
        }),
      )
      .max(3)
      .default([])
      .describe('Name servers asked for names that are no hosts of the VPC. Default: the system’s.'),
    hosts: z.array(VpcHost).max(10_000).default([]).describe('The members of the VPC. Default: none.'),
    floatingAddresses: z
      .array(AddressOrNetworkText)
      .max(64)
      .default([])
      .describe(
        'Addresses and networks of which a load balancer with two nodes gets one that its nodes hand each other, and one with more nodes as many as it has nodes. They must lead to the machines of the VPC and be in use nowhere else. Default: none.',
      ),
    bgp: Bgp.optional().describe(
      'Routers of the network that speak BGP. With them all nodes of a load balancer with two or more have its floating address at once and announce it; without, one node at a time has an address. Default: none.',
    ),
    driver: VpcDriver.nullable()
      .default(null)
      .describe(
        'What makes machines for load balancers of the VPC when none is free. Default: null, machines are added by hand.',
      ),
    replaceAfter: z
      .union([z.literal('never'), durationBetween(MIN_SILENCE_MS, MAX_SILENCE_MS)], {
        error: 'must be a duration from 30s to 168h, or never',
      })
      .optional()
      .describe(
        'How long a machine must be silent before it is looked at and, when it serves nothing, replaced by a free one of the VPC: `5m`, or `never`. Default: what the control plane was started with (`--replace-after`), which is 5m.',
      ),
  })
  .describe('What a VPC is.');
export type VpcSpec = z.infer<typeof VpcSpec>;

export const VpcInput = z
  .strictObject({ name: ResourceName, labels: Labels.default({}), spec: VpcSpec })
  .describe('A VPC to create or replace.');
export type VpcInput = z.input<typeof VpcInput>;
export type VpcDefinition = z.output<typeof VpcInput>;

/** The VPC made at first start: the private ranges of RFC 1918 and RFC 4193. */
export const DEFAULT_VPC: VpcDefinition = {
  name: 'default',
  labels: {},
  spec: {
    cidrs: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
    nameServers: [],
    hosts: [],
    floatingAddresses: [],
    driver: null,
  },
};
