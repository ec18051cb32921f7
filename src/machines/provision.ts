import { type Clock, systemClock } from '../base/clock.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { type Bundle, readBundle } from './bundle/describe.ts';
import { type SshConnection, connect } from './ssh/connection.ts';
import { type RootShell, openRootShell } from './ssh/root-shell.ts';
import type { SshTarget } from './ssh/target.ts';
import { agent } from './steps/agent.ts';
import { credentials } from './steps/credentials.ts';
import { enrolment } from './steps/enrolment.ts';
import { goBack } from './steps/go-back.ts';
import { packages } from './steps/packages.ts';
import { removal } from './steps/release.ts';
import type { Step, Values } from './steps/script.ts';
import { service } from './steps/service.ts';
import { system } from './steps/system.ts';

export { hostKeyOf } from './ssh/connection.ts';
export type { SshTarget } from './ssh/target.ts';

/** What a machine is made ready for. */
export interface Provisioning {
  target: SshTarget;
  agent: {
    /** Where the agent finds the control plane. */
    url: string;
    /** PEM of the certificate that the control plane shows there. */
    certificate: string;
    /** With which the agent enrols. */
    token: string;
    /** Name of the machine. */
    machine: string;
  };
  /** Path of the agent's .tar.gz. */
  bundle: string;
}

/** How far a step is. */
export interface StepReport {
  name: string;
  state: 'running' | 'done' | 'failed';
  detail?: string;
}

/** A step of provisioning: a script on the machine, and what the control plane does before and after it. */
interface Stage {
  step: Step;
  /** How long the script may take. */
  limitMs: number;
  /** Done before the script; answers values for it. */
  before?: () => Promise<Values>;
  /** Judges what the script has found, and answers what to tell of it. */
  after?: (facts: Map<string, string>) => string | undefined;
}

/** In the order in which they are done. */
export const STEPS = [
  'connect',
  ...[system, packages, agent, credentials, service, enrolment].map(({ name }) => name),
];

const OF_THE_AGENT: ReadonlySet<string> = new Set(['machine_service_failed', 'agent_not_enrolled']);
/** TLS and ACME both fail with a clock that is further off. */
const MOST_SKEW_S = 300;
const MINUTE_MS = 60_000;

/**
 * Makes a machine ready: from then on its agent calls the control plane. Run again after any interruption or fault, it
 * goes on where it stopped; on a machine that is ready it brings a newer agent.
 * @throws AppError with a code for each kind of fault; see docs/provisioning.md
 */
export async function provision(
  order: Provisioning,
  onStep: (step: StepReport) => void,
  signal: AbortSignal,
  clock: Pick<Clock, 'now'> = systemClock,
): Promise<void> {
  const { target } = order;
  const connection = await reported('connect', onStep, async () => ({
    value: await connect(target, signal),
  }));
  try {
    const shell = await openRootShell(connection, target);
    for (const stage of stages(order, await readBundle(order.bundle), connection, shell, clock)) {
      await reported(stage.step.name, onStep, () => perform(stage, shell, target.host));
    }
  } finally {
    connection.close();
  }
}

/** Takes everything of ours off a machine again, the packages that came with it too. On a clean one it does nothing. */
export async function release(target: SshTarget, signal: AbortSignal): Promise<void> {
  const connection = await connect(target, signal);
  try {
    const shell = await openRootShell(connection, target);
    await shell.run(removal, {}, 5 * MINUTE_MS);
  } finally {
    connection.close();
  }
}

function stages(
  { agent: wanted, target }: Provisioning,
  bundle: Bundle,
  connection: SshConnection,
  shell: RootShell,
  clock: Pick<Clock, 'now'>,
): Stage[] {
  const { version, architecture } = bundle;
  return [
    {
      step: system,
      limitMs: MINUTE_MS,
      before: () => Promise.resolve({ version, architecture }),
      after: (facts) => {
        assertClock(target.host, Number(facts.get('clock')), clock.now() / 1000);
        return facts.get('os');
      },
    },
    {
      step: packages,
      limitMs: 15 * MINUTE_MS,
      after: (facts) => `HAProxy ${facts.get('haproxy') ?? 'of an unknown version'}`,
    },
    {
      step: agent,
      limitMs: 5 * MINUTE_MS,
      before: async () => ({ version, ...(await copyBundle(target.host, bundle, connection, shell)) }),
      after: () => version,
    },
    { step: credentials, limitMs: MINUTE_MS, before: () => Promise.resolve({ ...wanted }) },
    { step: service, limitMs: 2 * MINUTE_MS },
    { step: enrolment, limitMs: 5 * MINUTE_MS },
  ];
}

async function perform({ step, limitMs, before, after }: Stage, shell: RootShell, host: string) {
  try {
    const facts = await shell.run(step, (await before?.()) ?? {}, limitMs);
    return { value: undefined, detail: after?.(facts) };
  } catch (error) {
    throw error instanceof AppError && OF_THE_AGENT.has(error.code)
      ? await backFrom(error, shell, host)
      : error;
  }
}

/** The agent itself does not work, or not yet: on a machine that had another one, that one is taken again. */
async function backFrom(error: AppError, shell: RootShell, host: string): Promise<AppError> {
  const runs = (await shell.run(goBack, {}, MINUTE_MS)).get('runs');
  if (runs === undefined) return error;
  const detail = `${error.message}; the version before, ${runs}, runs again on ${host}`;
  return new AppError(error.code, detail, { ...(error.hint ? { hint: error.hint } : {}), cause: error });
}

async function reported<T>(
  name: string,
  onStep: (step: StepReport) => void,
  work: () => Promise<{ value: T; detail?: string | undefined }>,
): Promise<T> {
  onStep({ name, state: 'running' });
  try {
    const { value, detail } = await work();
    onStep({ name, state: 'done', ...(detail === undefined ? {} : { detail }) });
    return value;
  } catch (error) {
    onStep({ name, state: 'failed', detail: messageOf(error) });
    throw error;
  }
}

/** Copies the bundle, unless the machine has unpacked this version already. */
async function copyBundle(
  host: string,
  { path, version, sha256 }: Bundle,
  connection: SshConnection,
  shell: RootShell,
): Promise<Values> {
  const present = await shell.run(UNPACKED, { version }, MINUTE_MS);
  if (present.get('unpacked') === 'yes') return { archive: '', sha256 };
  const { stdout } = await connection.run(
    'rm -rf /var/tmp/agentmetal.*; mktemp -d /var/tmp/agentmetal.XXXXXX',
    '',
    MINUTE_MS,
  );
  const folder = /^\/var\/tmp\/agentmetal\.\w+$/.exec(stdout.trim())?.[0];
  if (folder === undefined) throw noRoom(host);
  const archive = `${folder}/agent.tar.gz`;
  await connection.upload(path, archive, 10 * MINUTE_MS);
  return { archive, sha256 };
}

function noRoom(host: string): AppError {
  return new AppError('machine_disk_full', `no folder can be made in /var/tmp of ${host}`, {
    hint: 'Look whether its disk is full or mounted read-only, and try again.',
  });
}

const UNPACKED: Step = {
  name: 'agent',
  body: 'if [ -e "$opt/$version/.complete" ]; then echo unpacked=yes; else echo unpacked=no; fi',
};

function assertClock(host: string, theirs: number, ours: number): void {
  const skew = Math.round(theirs - ours);
  if (Math.abs(skew) <= MOST_SKEW_S) return;
  const minutes = Math.round(Math.abs(skew) / 60);
  throw new AppError(
    'machine_clock_wrong',
    `the clock of ${host} is ${minutes} minutes ${skew > 0 ? 'ahead of' : 'behind'} the control plane's`,
    {
      hint: 'Certificates need the right time: on the machine, timedatectl set-ntp true, or mend the clock of the control plane.',
    },
  );
}
