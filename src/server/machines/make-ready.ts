import { AppError } from '../../base/errors.ts';
import { type MachineHost, findMachineHost, updateMachineHost } from '../../store/machine-hosts.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import { type MachineRecord, findMachine } from '../../store/machines.ts';
import { waitUntil } from '../changes.ts';
import type { ServerContext } from '../context.ts';
import { givenUpEvent, readyEvent } from '../events/placement.ts';
import { newEnrolment } from './enrolment.ts';
import { judgeFailure } from './faults.ts';
import type { StepReport } from './provisioner.ts';
import { requireAgentAccess, requireProvisioner } from './rules.ts';
import { sshTarget } from './ssh-target.ts';
import { withFailure, withStep } from './steps.ts';
import { ATTEMPT_MS, unlessAborted } from './unless-aborted.ts';

type Context = Pick<
  ServerContext,
  'store' | 'clock' | 'changes' | 'sealer' | 'agentAccess' | 'provisioner' | 'randomBytes' | 'log'
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
  const { url, certificate } = requireAgentAccess(context);
  const provisioner = requireProvisioner(context);
  const startedAt = context.clock.now();
  const { token, enrolment } = newEnrolment(context);
  // The token of the attempt before, which may lie about somewhere, is worth nothing from here on.
  const host = await keep(context, machineId, (before) => ({ ...before, enrolment, steps: [] }));
  const machine = await context.store.transaction((tx) => findMachine(tx, machineId));
  if (!host || !machine) return;
  const bundle = await provisioner.bundle();
  const agent = { url: url(), certificate, token, machine: machine.name };
  await provisioner.provision({ target: sshTarget(context, host), agent, bundle }, step, signal);
  step({ name: 'report', state: 'running' });
  await waitForReport(context, machineId, { startedAt, signal, name: machine.name });
  step({ name: 'report', state: 'done' });
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
