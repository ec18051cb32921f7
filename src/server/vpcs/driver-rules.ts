import { AppError, type FieldError } from '../../base/errors.ts';
import { type Cidr, cidrContains, parseCidr, parseIp } from '../../spec/address.ts';
import type { VpcDefinition } from '../../spec/vpc.ts';
import type { PublicNetwork, VpcDriver } from '../../spec/vpc-driver.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { findMachine } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { type VpcRecord, listMakingVpcs } from '../../store/vpcs.ts';
import type { Identity } from '../http/handler.ts';
import { validationError } from '../http/read-request.ts';
import { publicNetwork, vpcNetwork } from '../machines/made/network.ts';

/** What of a driver machines that it has made stand on. */
const FOUNDATION = ['type', 'bridge', 'gateway', 'public'] as const satisfies readonly (keyof VpcDriver)[];

/** Faults of a driver within its VPC. */
export function driverErrors({ spec }: VpcDefinition): FieldError[] {
  const { driver, cidrs } = spec;
  if (!driver) return [];
  const networks = cidrs.flatMap((text) => parseCidr(text) ?? []);
  const errors: FieldError[] = [];
  const report = (field: string, code: string, detail: string) =>
    errors.push({ pointer: `/spec/driver/${field}`, code, detail });
  for (const [index, text] of driver.addresses.entries()) {
    if (!networks.some((network) => hasWhole(network, text)))
      report(`addresses/${index}`, 'outside_vpc', `${text} does not lie in the VPC (${cidrs.join(', ')})`);
  }
  const gateway = driver.gateway === null ? undefined : parseIp(driver.gateway);
  if (gateway && !networks.some((network) => cidrContains(network, gateway)))
    report('gateway', 'outside_vpc', `${driver.gateway} does not lie in the VPC (${cidrs.join(', ')})`);
  if (driver.virtualMachine && driver.type !== 'libvirt')
    report(
      'virtualMachine',
      'invalid_value',
      `is for the type libvirt alone, and the type is ${driver.type}`,
    );
  if (driver.public) errors.push(...publicErrors(driver.public, cidrs));
  return errors;
}

function publicErrors({ cidr, bridge, gateway }: PublicNetwork, cidrs: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const pointer = '/spec/driver/public';
  const inside = cidrs.find((text) => overlap(text, cidr));
  if (inside !== undefined)
    errors.push({
      pointer: `${pointer}/cidr`,
      code: 'overlaps',
      detail: `${cidr} overlaps ${inside} of the VPC itself`,
    });
  if (gateway !== null && bridge === null)
    errors.push({
      pointer: `${pointer}/gateway`,
      code: 'invalid_value',
      detail: 'is for a bridge of the host alone: on a network of its own the host is the router',
    });
  return errors;
}

/** Refuses a public network that is part of another VPC's; the very same one may be of several. */
export async function requireOwnPublicNetwork(
  tx: Tx,
  { name, spec: { driver } }: VpcDefinition,
): Promise<void> {
  const own = driver?.public;
  if (!own || own.bridge !== null) return;
  for (const other of await listMakingVpcs(tx)) {
    const theirs = other.spec.driver?.public;
    if (other.name === name || !theirs || theirs.bridge !== null) continue;
    if (theirs.cidr === own.cidr || !overlap(theirs.cidr, own.cidr)) continue;
    const detail = `${own.cidr} overlaps ${theirs.cidr}, the public network of VPC ${other.name}`;
    throw validationError(
      [{ pointer: '/spec/driver/public/cidr', code: 'overlaps', detail }],
      `Name the very same network, which both then share, or one beside it.`,
    );
  }
}

/** Machines that were made keep what they stand on. */
export async function requireDriverKept(tx: Tx, before: VpcRecord, { spec }: VpcDefinition): Promise<void> {
  if (JSON.stringify(foundationOf(before)) === JSON.stringify(foundationOf({ ...before, spec }))) return;
  const made = (await listMachineHosts(tx)).find((host) => host.made !== null && host.vpcId === before.id);
  if (!made) return;
  const name = (await findMachine(tx, made.machineId))?.name ?? made.machineId;
  throw validationError(
    [
      {
        pointer: '/spec/driver',
        code: 'in_use',
        detail: `machine ${name} was made by it, and stands on its network`,
      },
    ],
    `Delete the load balancers of ${before.name} first: agentmetal lb list`,
  );
}

function foundationOf(vpc: Pick<VpcRecord, 'id' | 'spec'>): object | null {
  const { driver } = vpc.spec;
  if (!driver) return null;
  const kept = FOUNDATION.map((field) => driver[field]);
  return { kept, network: vpcNetwork(vpc, driver), outside: publicNetwork(driver) };
}

/** Machines are made by who may do so: a driver makes them as root, on the control plane's host. */
export function requireDriverRight(
  identity: Identity,
  before: VpcDefinition | undefined,
  wanted: VpcDefinition,
): void {
  const [was, is] = [before?.spec.driver ?? null, wanted.spec.driver];
  if (JSON.stringify(was) === JSON.stringify(is)) return;
  if (identity.kind === 'key' && identity.role === 'admin') return;
  throw new AppError('forbidden', 'what makes the machines of a VPC is set by an admin', {
    hint: 'Use a key with the role admin: agentmetal key create NAME --role admin',
  });
}

function hasWhole(network: Cidr, text: string): boolean {
  const part = parseCidr(text);
  const address = part?.address ?? parseIp(text);
  return address !== undefined && cidrContains(network, address) && (part?.prefix ?? 128) >= network.prefix;
}

function overlap(left: string, right: string): boolean {
  const [one, other] = [parseCidr(left), parseCidr(right)];
  return (
    one !== undefined &&
    other !== undefined &&
    (cidrContains(one, other.address) || cidrContains(other, one.address))
  );
}
