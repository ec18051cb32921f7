import type { NewMachine } from '../../api/machines.ts';
import type { ResourceDryRun } from '../../api/resources.ts';
import { AppError } from '../../base/errors.ts';
import { diffValues } from '../../spec/diff.ts';
import type { MachineInput, MachinePatch, MachineRetry } from '../../spec/machine.ts';
import { tellEvents } from '../../store/events.ts';
import {
  type MachineHost,
  findMachineHost,
  insertMachineHost,
  isManual,
  updateMachineHost,
} from '../../store/machine-hosts.ts';
import { type MachineRecord, deleteMachine, updateMachine } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { deleteNode, machineNodes, touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { removedEvent } from '../events/placement.ts';
import { newEnrolment } from './enrolment.ts';
import { installCommand } from './install-command.ts';
import { insertNewMachine } from './new-machine.ts';
import {
  type HostedMachine,
  nameOf,
  requireAgentAccess,
  requireFreeMachineName,
  requireNewAddress,
  requireProvisioner,
  requireVpcForMachine,
} from './rules.ts';
import { claimantOf, machineView } from './view.ts';

/** Takes a machine in; the queue makes it ready. */
export async function addMachine(context: ServerContext, tx: Tx, input: MachineInput): Promise<NewMachine> {
  requireAgentAccess(context);
  requireProvisioner(context);
  const vpc = await requireVpcForMachine(context, tx, input);
  const name = nameOf(input);
  await requireFreeMachineName(tx, name);
  await requireNewAddress(tx, input, vpc.id);
  const machine = await insertNewMachine(context, tx, { name, driver: input.driver, tokenHash: null });
  await insertMachineHost(tx, {
    machineId: machine.id,
    vpcId: vpc.id,
    labels: input.labels,
    address: input.address,
    publicAddress: input.publicAddress,
    ssh:
      input.driver === 'ssh'
        ? {
            port: input.port,
            user: input.user,
            hostKey: input.hostKey,
            sealedKey: context.sealer.seal(input.privateKey),
          }
        : null,
    made: null,
    ...FROM_THE_START,
    isDraining: false,
    nextAt: context.clock.now(),
    enrolment: null,
  });
  return startAgain(context, tx, machine);
}

const FROM_THE_START = { phase: 'provisioning', steps: [], fault: null, attempts: 0 } as const;

/** Has a machine made ready again, by another key or host key where those are given. */
export async function retryMachine(
  context: ServerContext,
  tx: Tx,
  { machine, host }: HostedMachine,
  { privateKey, hostKey }: MachineRetry,
): Promise<NewMachine> {
  if (!host.made) requireAgentAccess(context);
  if (host.phase === 'removing') throw beingRemoved(machine);
  const sealedKey = privateKey === undefined ? host.ssh?.sealedKey : context.sealer.seal(privateKey);
  await updateMachineHost(tx, {
    ...host,
    ...FROM_THE_START,
    ssh: host.ssh && {
      ...host.ssh,
      hostKey: hostKey ?? host.ssh.hostKey,
      sealedKey: sealedKey ?? host.ssh.sealedKey,
    },
    nextAt: context.clock.now(),
  });
  return startAgain(context, tx, machine);
}

/** The view of a machine that is to be made ready; with the line to type where nobody can log in. */
async function startAgain(context: ServerContext, tx: Tx, machine: MachineRecord): Promise<NewMachine> {
  const host = await findMachineHost(tx, machine.id);
  if (!host || !isManual(host)) return machineView(context, tx, machine);
  const { token, enrolment } = newEnrolment(context);
  const steps = [{ name: 'enrol', state: 'waiting', detail: '', at: null, ms: null }] as const;
  await updateMachineHost(tx, { ...host, enrolment, steps, nextAt: enrolment.expiresAt });
  const command = installCommand(requireAgentAccess(context), token);
  const expiresAt = new Date(enrolment.expiresAt).toISOString();
  return { ...(await machineView(context, tx, machine)), enrolment: { command, expiresAt } };
}

export async function patchMachine(
  tx: Tx,
  { machine, host }: HostedMachine,
  patch: MachinePatch,
): Promise<ResourceDryRun> {
  if (host.phase === 'removing') throw beingRemoved(machine);
  const after: MachineHost = {
    ...host,
    labels: patch.labels ?? host.labels,
    publicAddress: patch.publicAddress === undefined ? host.publicAddress : patch.publicAddress,
    isDraining: patch.draining ?? host.isDraining,
  };
  await updateMachineHost(tx, after);
  return dryRunOf(shown(host), shown(after), await claimantOf(tx, machine.id));
}

/**
 * Takes a machine away: its credential is worth nothing at once. Where it can be logged in to, the queue takes off what is
 * there and the machine is gone after that.
 * @returns whether it is gone, and which machines must look again.
 */
export async function removeMachine(
  tx: Tx,
  { machine, host }: HostedMachine,
  { force, now }: { force: boolean; now: number },
): Promise<{ isGone: boolean; machineIds: string[]; dryRun: ResourceDryRun }> {
  const claimant = await claimantOf(tx, machine.id);
  if (claimant && !force) throw machineInUse(machine, claimant.name);
  const dryRun = dryRunOf(shown(host), undefined, claimant);
  await updateMachine(tx, { ...machine, tokenHash: null });
  const machineIds = await leaveNodes(tx, machine.id);
  // What the control plane has made is never left behind.
  if (host.made || (!force && host.ssh)) {
    const removing = { phase: 'removing', attempts: 0, fault: null, nextAt: now, enrolment: null } as const;
    await updateMachineHost(tx, { ...host, ...removing });
    return { isGone: false, machineIds, dryRun };
  }
  await tellEvents(tx, [removedEvent(machine)], now);
  await deleteMachine(tx, machine.id);
  return { isGone: true, machineIds, dryRun };
}

/** Takes a machine's nodes away, and tells the others of each load balancer. */
async function leaveNodes(tx: Tx, machineId: string): Promise<string[]> {
  const touched: string[] = [];
  for (const loadBalancerId of (await machineNodes(tx, machineId, 0)).ids) {
    await deleteNode(tx, { loadBalancerId, machineId });
    touched.push(...(await touchNodes(tx, loadBalancerId, await nextChangeVersion(tx))));
  }
  return touched;
}

function shown({ labels, address, publicAddress, isDraining }: MachineHost): object {
  return { labels, address, publicAddress, draining: isDraining };
}

function dryRunOf(
  before: object | undefined,
  after: object | undefined,
  claimant: { name: string } | undefined,
): ResourceDryRun {
  return {
    dryRun: true,
    diff: diffValues(before, after),
    loadBalancers: claimant ? [claimant.name] : [],
  };
}

function machineInUse({ name }: MachineRecord, loadBalancer: string): AppError {
  return new AppError('machine_in_use', `${name} serves ${loadBalancer}`, {
    hint: `Move it to another machine first: agentmetal machine drain ${name}. Or take it away all the same: agentmetal machine remove ${name} --force`,
  });
}

function beingRemoved({ name }: MachineRecord): AppError {
  return new AppError('machine_in_use', `${name} is being removed`, {
    hint: `To have it gone without logging in: agentmetal machine remove ${name} --force`,
  });
}
