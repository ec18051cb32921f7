import { AppError, type FieldError } from '../../base/errors.ts';
import { type LoadBalancerDefinition, type LoadBalancerSpec, portRanges } from '../../spec/load-balancer.ts';
import { backendMembershipErrors } from '../../spec/membership.ts';
import { type LoadBalancerRecord, findLoadBalancer, listListening } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { type VpcRecord, findVpc, listVpcs } from '../../store/vpcs.ts';
import { ANY_ADDRESS, allocateAddress, portClash } from '../address-pool.ts';
import type { ServerContext } from '../context.ts';
import { certificateErrors } from './certificates.ts';
import { clientCaErrors } from './client-ca.ts';
import { validationError } from '../http/read-request.ts';

const HTTPS_PORT = 443;

/** The ports on which a load balancer listens. */
export function portsOf(spec: LoadBalancerSpec): number[] {
  const ports = portRanges(spec).flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  return spec.type === 'http' ? [...ports, HTTPS_PORT] : ports;
}

/** Turns a pointer into the spec into one into the body that the caller sent. */
export type Locate = (error: FieldError) => FieldError;

/** The VPC of the spec, after seeing that its backends may be there and can be spoken to. */
export async function requireVpcFor(
  context: Pick<ServerContext, 'allowLoopbackBackends'>,
  tx: Tx,
  spec: LoadBalancerSpec,
  locate: Locate = (error) => error,
): Promise<VpcRecord> {
  const vpc = await findVpc(tx, spec.vpc);
  if (!vpc) {
    const detail = `there is no VPC ${spec.vpc}`;
    throw validationError(
      [locate({ pointer: '/spec/vpc', code: 'unknown_vpc', detail })],
      `${await knownVpcs(tx)}, or create it: agentmetal vpc create ${spec.vpc} --cidr 10.0.0.0/16`,
    );
  }
  const rules = { vpc: vpc.name, cidrs: vpc.spec.cidrs, allowLoopback: context.allowLoopbackBackends };
  const unreadable = [...certificateErrors(spec), ...clientCaErrors(spec)];
  if (unreadable.length > 0) throw validationError(unreadable.map(locate));
  const errors = backendMembershipErrors(spec, rules);
  if (errors.length > 0) {
    throw validationError(
      errors.map(locate),
      `Widen the VPC: agentmetal vpc update ${vpc.name} --cidr CIDR, or use addresses inside it.`,
    );
  }
  return vpc;
}

async function knownVpcs(tx: Tx): Promise<string> {
  const names = (await listVpcs(tx, '', 11)).map(({ name }) => name);
  const shown = names.slice(0, 10).join(', ');
  return `Use one of those there are (${shown}${names.length > 10 ? ', …' : ''})`;
}

export async function requireFreeName(tx: Tx, name: string, ownId?: string): Promise<void> {
  const other = await findLoadBalancer(tx, name);
  if (!other || other.id === ownId) return;
  throw new AppError('name_taken', `there is a load balancer ${name} already (${other.id})`, {
    hint: `Choose another name, or change that one: agentmetal lb update ${name}`,
  });
}

/** The address for a new load balancer. */
export async function requireAddress(
  context: Pick<ServerContext, 'addressPool'>,
  tx: Tx,
  { name, spec }: LoadBalancerDefinition,
): Promise<string> {
  const taken = await listListening(tx);
  const ports = portsOf(spec);
  const address = allocateAddress(context.addressPool, taken, ports);
  if (address !== undefined) return address;
  const clash = context.addressPool.kind === 'all' ? portClash(taken, ANY_ADDRESS, ports) : undefined;
  const who = clash ? `: ${clash.name} has port ${clash.port}, and the pool * is every address at once` : '';
  throw new AppError(
    'address_pool_exhausted',
    `no address of the pool is free for ${name} on port ${portsText(ports)}${who}`,
    {
      hint: 'Choose another port, delete a load balancer, or start with a larger pool (--address-pool, AGENTMETAL_ADDRESS_POOL).',
    },
  );
}

/** Ports for a sentence; of many only how many. */
function portsText(ports: readonly number[]): string {
  if (ports.length <= 3) return ports.join(' and ');
  return `${ports[0] ?? 0} and ${ports.length - 1} more`;
}

/** Refuses a port that another load balancer has on the same address. */
export async function requireFreePorts(tx: Tx, record: LoadBalancerRecord): Promise<void> {
  const others = (await listListening(tx)).filter(({ id }) => id !== record.id);
  const clash = portClash(others, record.address, record.ports);
  if (!clash) return;
  const where = record.address === ANY_ADDRESS ? 'every address' : record.address;
  throw new AppError('port_in_use', `${clash.name} listens on port ${clash.port} of ${where} already`, {
    hint: `Choose another port, or look at the other one: agentmetal lb show ${clash.name}`,
  });
}
