import { AppError } from '../../base/errors.ts';
import { type MachineHost, findMachineHost, updateMachineHost } from '../../store/machine-hosts.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import { type MachineRecord, findMachine } from '../../store/machines.ts';
import type { AgentAccess } from '../agent-listener/access.ts';
import { waitUntil } from '../changes.ts';
import type { ServerContext } from '../context.ts';
import { givenUpEvent, readyEvent } from '../events/placement.ts';
import { newEnrolment } from './enrolment.ts';
import { judgeFailure } from './faults.ts';
import { addressMachine, madeOrder } from './made/order.ts';
import type { SshTarget, StepReport } from './provisioner.ts';
import { requireAgentAccess, requireMaker, requireProvisioner } from './rules.ts';
import { sshTarget } from './ssh-target.ts';
import { withFailure, withStep } from './steps.ts';
import { ATTEMPT_MS, unlessAborted } from './unless-aborted.ts';

type Context = Pick<
  ServerContext,
  'maker' | 'store' | 'clock' | 'changes' | 'sealer' | 'agentAccess' | 'provisioner' | 'randomBytes' | 'log'
>;

export interface AttemptOptions {
  /** Breaks the attempt off; what it has done stays and the next one goes on from there. */
  signal: AbortSignal;
  random: () => number;
}

/** Its agent tells of itself as soon as it runs. */
const REPORT_WITHIN_MS = 60_000;

/** One attempt at making a machine ready. How it ended is in the store. */
export async function makeReady(
  context: Context,
  { machineId }: MachineHost,
  { signal, random }: AttemptOptions,
): Promise<void> {
  const { clock, log } = context;
  const over = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
  const recorder = createRecorder(context, machineId, over);
  try {
    await unlessAborted(attempt(context, machineId, recorder, over), over);
    await recorder.settled();
    await keep(context, machineId, (host) => ({ ...host, phase: 'ready', fault: null, attempts: 0 }));
    context.changes.notify('placement');
  } catch (error) {
    await recorder.settled();
    if (signal.aborted) return;
    if (!(error instanceof AppError))
      log.error({ err: error, machineId }, 'a machine could not be made ready');
    await keep(context, machineId, (host) => {
      const now = clock.now();
      const { fault, attempts, nextAt, isFinal } = judgeFailure(error, host, { now, random });
      const steps = withFailure(host.steps, fault.detail, now);
      return { ...host, phase: isFinal ? 'failed' : 'provisioning', fault, attempts, nextAt, steps };
    });
  }
}

async function attempt(
  context: Context,
  machineId: string,
  { step }: Recorder,
  signal: AbortSignal,
): Promise<void> {
  const provisioner = requireProvisioner(context);
  const { url, certificate } = await accessFor(context, machineId);
  const startedAt = context.clock.now();
  const { token, enrolment } = newEnrolment(context);
  // The token of the attempt before, which may lie about somewhere, is worth nothing from here on.
  const host = await keep(context, machineId, (before) => ({ ...before, enrolment, steps: [] }));
  const machine = await context.store.transaction((tx) => findMachine(tx, machineId));
  if (!host || !machine) return;
  const agent = { url: url(), certificate, token, machine: machine.name };
  const target = host.made ? await made(context, machineId, step, signal) : sshTarget(context, host);
  const bundle = await provisioner.bundle();
  await provisioner.provision({ target, agent, bundle }, step, signal);
  step({ name: 'report', state: 'running' });
  await waitForReport(context, machineId, { startedAt, signal, name: machine.name });
  step({ name: 'report', state: 'done' });
}

/** Where the agent of a machine finds the control plane: those of machines that it has made have a way of their own. */
async function accessFor(context: Context, machineId: string): Promise<AgentAccess> {
  const host = await context.store.transaction((tx) => findMachineHost(tx, machineId));
  return host?.made ? requireMaker(context).access() : requireAgentAccess(context);
}

/** Makes a machine, at addresses that it keeps, and answers how it is logged in to. */
async function made(
  context: Context,
  machineId: string,
  step: Recorder['step'],
  signal: AbortSignal,
): Promise<SshTarget> {
  const maker = requireMaker(context);
  const order = await context.store.transaction(async (tx) => {
    await addressMachine(tx, machineId);
    const host = await findMachineHost(tx, machineId);
    return host && madeOrder(tx, host);
  });
  if (order) return maker.make(order, step, signal);
  throw new AppError('machine_driver_unavailable', 'its VPC has no driver any more that would make it', {
    hint: 'Give the VPC one (agentmetal vpc update VPC --driver container), or remove the machine.',
  });
}

/** A machine is ready when its agent, enrolled anew, has told of itself. */
async function waitForReport(
  { store, clock, changes }: Context,
  machineId: string,
  { startedAt, signal, name }: { startedAt: number; signal: AbortSignal; name: string },
): Promise<void> {
  const hasReported = () =>
    store.transaction(async (tx) => {
      const lastReportAt = (await findMachine(tx, machineId))?.lastReportAt;
      const isEnrolled = (await findMachineHost(tx, machineId))?.enrolment?.isUsed === true;
      // Until it has enrolled anew, an agent of before reports with the credential of before.
      return isEnrolled && lastReportAt != null && Date.parse(lastReportAt) >= startedAt;
    });
  const ms = REPORT_WITHIN_MS;
  if (await waitUntil(changes.watch('placement'), hasReported, { clock, ms, signal })) return;
  throw new AppError(
    'agent_unavailable',
    `the agent of ${name} was started, and has not enrolled and reported`,
    {
      hint: `See why on the machine: journalctl -u agentmetal-agent. Machines must reach the control plane: --agent-url says where.`,
    },
  );
}

interface Recorder {
  /** Notes a step; the store has it soon after. */
  step(this: void, step: StepReport): void;
  /** Resolves when the store has all of them. */
  settled(): Promise<void>;
}

/** Writes steps down one after another, in the order in which they were told. */
function createRecorder(context: Context, machineId: string, signal: AbortSignal): Recorder {
  let last: Promise<unknown> = Promise.resolve();
  return {
    step(report) {
      if (signal.aborted) return;
      const now = context.clock.now();
      last = last
        .then(() =>
          keep(context, machineId, (host) => ({ ...host, steps: withStep(host.steps, report, now) })),
        )
        .catch((error: unknown) => context.log.warn({ err: error, machineId }, 'a step could not be noted'));
    },
    settled: async () => void (await last),
  };
}

/** Changes what is kept of a machine, as long as it is still to be made ready. */
async function keep(
  { store, clock }: Context,
  machineId: string,
  change: (host: MachineHost) => MachineHost,
): Promise<MachineHost | undefined> {
  return store.transaction(async (tx) => {
    const host = await findMachineHost(tx, machineId);
    if (host?.phase !== 'provisioning') return undefined;
    const changed = change(host);
    await updateMachineHost(tx, changed);
    const machine = await findMachine(tx, machineId);
    if (machine) await tellEvents(tx, eventsOf(machine, changed), clock.now());
    return changed;
  });
}

function eventsOf(machine: MachineRecord, { phase, fault }: MachineHost): NewEvent[] {
  if (phase === 'ready') return [readyEvent(machine)];
  return phase === 'failed' && fault ? [givenUpEvent(machine, fault)] : [];
}
