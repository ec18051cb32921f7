import { AppError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import type { MachineInput } from '../../spec/machine.ts';
import { createMembership } from '../../spec/membership.ts';
import { type MachineHost, findMachineHost, listMachineHosts } from '../../store/machine-hosts.ts';
import { type MachineRecord, findMachine } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { type VpcRecord, findVpc } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { validationError } from '../http/read-request.ts';
import type { MachineMaker } from './made/maker.ts';
import type { MachineProvisioner } from './provisioner.ts';

/** A machine with how it is in its VPC. */
export interface HostedMachine {
  machine: MachineRecord;
  host: MachineHost;
}

export async function requireMachine(tx: Tx, nameOrId: string): Promise<MachineRecord> {
  const machine = await findMachine(tx, nameOrId);
  if (machine) return machine;
  throw new AppError('not_found', `there is no machine ${shorten(nameOrId)}`, {
    hint: 'List them with `agentmetal machine list`.',
  });
}

/** A machine that was added; the control plane's own host is none. */
export async function requireHosted(tx: Tx, nameOrId: string): Promise<HostedMachine> {
  const machine = await requireMachine(tx, nameOrId);
  const host = await findMachineHost(tx, machine.id);
  if (host) return { machine, host };
  throw new AppError('forbidden', `${machine.name} is the control plane’s own host, which stays as it is`, {
    hint: 'List the machines that were added: agentmetal machine list',
  });
}

/** Machines come in only where they can reach the control plane. */
export function requireAgentAccess({ agentAccess }: Pick<ServerContext, 'agentAccess'>) {
  if (agentAccess) return agentAccess;
  throw new AppError('agent_listener_off', 'the control plane listens nowhere that machines could reach it', {
    hint: 'Start it with an address for them: agentmetal up --agent-listen 0.0.0.0:8443 (AGENTMETAL_AGENT_LISTEN)',
  });
}

export function requireProvisioner({ provisioner }: Pick<ServerContext, 'provisioner'>): MachineProvisioner {
  if (provisioner) return provisioner;
  throw new AppError('unavailable', 'this control plane was started without what makes machines ready', {
    hint: 'Start it with `agentmetal up` or `agentmetal server`.',
  });
}

export function requireMaker({ maker }: Pick<ServerContext, 'maker'>): MachineMaker {
  if (maker) return maker;
  throw new AppError(
    'machine_driver_unavailable',
    'this control plane was started without what makes machines',
    { hint: 'Start it with `agentmetal up` or `agentmetal server`.' },
  );
}

/** The VPC of a new machine, after seeing that its address lies there. */
export async function requireVpcForMachine(
  { allowLoopbackBackends }: Pick<ServerContext, 'allowLoopbackBackends'>,
  tx: Tx,
  { vpc: name, address }: MachineInput,
): Promise<VpcRecord> {
  const vpc = await findVpc(tx, name);
  if (!vpc) {
    const detail = `there is no VPC ${name}`;
    throw validationError(
      [{ pointer: '/vpc', code: 'unknown_vpc', detail }],
      `Create it: agentmetal vpc create ${name} --cidr 10.0.0.0/16`,
    );
  }
  const fault = address === null ? undefined : addressFault(vpc, address, allowLoopbackBackends);
  if (fault === undefined) return vpc;
  throw validationError(
    [{ pointer: '/address', code: 'outside_vpc', detail: fault }],
    `Give the machine’s address inside the VPC, or widen it: agentmetal vpc update ${vpc.name} --cidr CIDR`,
  );
}

/** Why an address may not be a machine's in the VPC; undefined when it may. */
export function addressFault(vpc: VpcRecord, address: string, allowLoopback: boolean): string | undefined {
  return createMembership({ vpc: vpc.name, cidrs: vpc.spec.cidrs, allowLoopback })(address)?.replace(
    'a backend',
    'a machine',
  );
}

/** One machine is taken in once: by the address on which it is logged in to, else by that in its VPC. */
export async function requireNewAddress(tx: Tx, input: MachineInput, vpcId: string): Promise<void> {
  const { address } = input;
  if (address === null) return;
  const isSame = (host: MachineHost) =>
    host.address === address &&
    (input.driver === 'ssh' && host.ssh ? host.ssh.port === input.port : host.vpcId === vpcId);
  const other = (await listMachineHosts(tx)).find(isSame);
  if (!other) return;
  const name = (await findMachine(tx, other.machineId))?.name ?? other.machineId;
  throw new AppError('machine_exists', `the machine at ${address} is there already, as ${name}`, {
    hint: `Look at it: agentmetal machine show ${name}`,
  });
}

export async function requireFreeMachineName(tx: Tx, name: string): Promise<void> {
  const other = await findMachine(tx, name);
  if (!other) return;
  throw new AppError('name_taken', `there is a machine ${name} already (${other.id})`, {
    hint: `Give this one another: --name NAME. Or look at that one: agentmetal machine show ${name}`,
  });
}

/** A name made of an address, where none was given. */
export function nameOf({ name, address }: MachineInput): string {
  if (name !== undefined) return name;
  if (address !== null) return `lb-${address.replaceAll(/[.:]+/g, '-')}`.replace(/-+$/, '');
  const detail = 'must be given where there is no address to make one of';
  throw validationError([{ pointer: '/name', code: 'required', detail }], 'Add --name NAME.');
}
