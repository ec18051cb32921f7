import { AppError, type FieldError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import { createMembership, hostMembershipErrors } from '../../spec/membership.ts';
import { DEFAULT_POOL, allBackends } from '../../spec/pools-of.ts';
import { parseTarget } from '../../spec/target.ts';
import { DEFAULT_VPC, type VpcDefinition, type VpcSpec } from '../../spec/vpc.ts';
import { loadBalancersOfVpc } from '../../store/load-balancers.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { listMachines } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { type VpcRecord, findVpc, listVpcs, vpcLoadBalancers } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { driverErrors } from './driver-rules.ts';
import { hasAddress } from '../placement/pool.ts';
import { validationError } from '../http/read-request.ts';
import { routerErrors } from './bgp.ts';

type Rules = Pick<ServerContext, 'allowLoopbackBackends'>;

export async function requireVpc(tx: Tx, nameOrId: string): Promise<VpcRecord> {
  const vpc = await findVpc(tx, nameOrId);
  if (vpc) return vpc;
  const names = (await listVpcs(tx, '', 20)).map(({ name }) => name);
  throw new AppError('not_found', `there is no VPC ${shorten(nameOrId)}`, {
    hint: `There are: ${names.join(', ')}. Create one with \`agentmetal vpc create NAME --cidr 10.0.0.0/16\`.`,
  });
}

/** Faults within a VPC: hosts outside its networks, or the same host or router twice. */
export function vpcErrors(
  { allowLoopbackBackends }: Rules,
  { name, labels, spec }: VpcDefinition,
): FieldError[] {
  const rules = { vpc: name, cidrs: spec.cidrs, allowLoopback: allowLoopbackBackends };
  return [
    ...hostMembershipErrors(spec, rules),
    ...duplicateHosts(spec),
    ...routerErrors({ name, labels, spec }),
    ...driverErrors({ name, labels: {}, spec }),
  ];
}

/** Faults of a change that the load balancers in the VPC would suffer from. */
export async function requireUndisturbed(
  { allowLoopbackBackends }: Rules,
  tx: Tx,
  before: VpcRecord,
  { spec }: VpcDefinition,
): Promise<void> {
  const faultOf = createMembership({
    vpc: before.name,
    cidrs: spec.cidrs,
    allowLoopback: allowLoopbackBackends,
  });
  await requireFloatingKept(tx, before, spec);
  const kept = new Set(spec.hosts.map(({ name }) => name));
  const gone = new Set(before.spec.hosts.map(({ name }) => name).filter((name) => !kept.has(name)));
  for (const { name, spec: balancer } of await loadBalancersOfVpc(tx, before.id)) {
    for (const { pool, backend } of allBackends(balancer)) {
      const host = parseTarget(backend.target);
      const mend = removalOf(name, pool, backend.target);
      if (host && gone.has(host.host)) throw hostInUse(host.host, name, backend.target, mend);
      const fault = host?.isIp ? faultOf(host.host) : undefined;
      if (fault) throw leftOutside(`backend ${backend.target} of ${name}: ${fault}`, mend);
    }
  }
}

export async function requireUnused(tx: Tx, vpc: VpcRecord): Promise<void> {
  if (vpc.name === DEFAULT_VPC.name) {
    throw new AppError('vpc_in_use', 'the VPC default stays: load balancers that name no VPC are in it', {
      hint: 'To narrow it: agentmetal vpc update default --cidr CIDR',
    });
  }
  const machines = await machinesOfVpc(tx, vpc.id);
  if (machines.length > 0) {
    throw new AppError('vpc_in_use', `machines are in VPC ${vpc.name}: ${machines.slice(0, 10).join(', ')}`, {
      hint: `Remove them first: agentmetal machine remove ${machines[0] ?? 'NAME'}`,
    });
  }
  const users = await vpcLoadBalancers(tx, vpc.id);
  if (users.length === 0) return;
  const names = users.map(({ name }) => name);
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? `, and ${names.length - 10} more` : '');
  throw new AppError('vpc_in_use', `load balancers are in VPC ${vpc.name}: ${shown}`, {
    hint: `Delete them or move them to another VPC first: agentmetal lb delete ${names[0] ?? 'NAME'}`,
  });
}

async function machinesOfVpc(tx: Tx, vpcId: string): Promise<string[]> {
  const ids = new Set(
    (await listMachineHosts(tx)).filter((host) => host.vpcId === vpcId).map((host) => host.machineId),
  );
  return (await listMachines(tx)).filter(({ id }) => ids.has(id)).map(({ name }) => name);
}

/** A load balancer keeps its floating addresses while it wants them, because clients know it by those. */
async function requireFloatingKept(tx: Tx, before: VpcRecord, spec: VpcSpec): Promise<void> {
  for (const { name, floating } of await loadBalancersOfVpc(tx, before.id)) {
    const lost = floating.find(
      ({ address, freeAt }) => freeAt === null && !hasAddress(spec.floatingAddresses, address),
    );
    if (!lost) continue;
    throw validationError(
      [
        {
          pointer: '/spec/floatingAddresses',
          code: 'in_use',
          detail: `${lost.address} is the address of ${name}`,
        },
      ],
      `Keep it in the list, or delete the load balancer first: agentmetal lb delete ${name}`,
    );
  }
}

function duplicateHosts({ hosts }: VpcSpec): FieldError[] {
  const seen = new Set<string>();
  return hosts.flatMap(({ name }, index) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ pointer: `/spec/hosts/${index}/name`, code: 'duplicate', detail: `${name} is a host already` }];
  });
}

/** The command that takes a backend away. */
function removalOf(loadBalancer: string, pool: string, target: string): string {
  const where = pool === DEFAULT_POOL ? '' : ` --pool ${pool}`;
  return `agentmetal lb backend remove ${loadBalancer} ${target}${where}`;
}

function hostInUse(host: string, loadBalancer: string, target: string, mend: string): AppError {
  return new AppError('host_in_use', `host ${host} is the backend ${target} of ${loadBalancer}`, {
    hint: `Remove the backend first: ${mend}`,
  });
}

function leftOutside(detail: string, mend: string): AppError {
  return validationError(
    [{ pointer: '/spec/cidrs', code: 'outside_vpc', detail }],
    `Keep the network in the list, or remove the backend first: ${mend}`,
  );
}
