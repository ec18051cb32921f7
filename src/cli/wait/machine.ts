import type { ApiClient } from '../../api/client.ts';
import type { Machine } from '../../api/machines.ts';
import { AppError } from '../../base/errors.ts';
import { CliFailure, EXIT, interruption } from '../failure.ts';
import { durationText } from '../output/machine.ts';
import { getMachine } from '../resources.ts';
import type { CliContext } from '../session.ts';

const POLL_MS = 250;

export interface MachineWait {
  machine: Machine;
  /** How long to wait, as the user wrote it and in milliseconds. */
  timeout: string;
  timeoutMs: number;
}

/** Waits until a machine is ready, telling each step on stderr as it ends. */
export async function waitUntilReady(ctx: CliContext, wait: MachineWait): Promise<Machine> {
  const tell = createStepTeller(ctx);
  return waitFor(ctx, wait, `to be ready`, (machine) => {
    tell(machine);
    if (machine.state === 'failed') throw failure(machine);
    return machine.state !== 'provisioning';
  });
}

/** Waits until no load balancer is on a machine. */
export async function waitUntilDrained(ctx: CliContext, wait: MachineWait): Promise<Machine> {
  return waitFor(ctx, wait, 'to be left by its load balancer', ({ loadBalancer }) => loadBalancer === null);
}

/** Waits until what was put on a machine is taken off and it is gone. */
export async function waitUntilRemoved(ctx: CliContext, wait: MachineWait): Promise<void> {
  let told = '';
  try {
    await waitFor(ctx, wait, 'to be taken off', ({ fault, name }) => {
      const text = fault ? `${name}: ${fault.detail}; it is tried again` : '';
      if (text !== '' && text !== told) ctx.progress.step(text);
      told = text;
      return false;
    });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'not_found')) throw error;
  }
}

async function waitFor(
  ctx: CliContext,
  { machine, timeout, timeoutMs }: MachineWait,
  what: string,
  isDone: (machine: Machine) => boolean,
): Promise<Machine> {
  const { io, progress } = ctx;
  const api = await ctx.api();
  const deadline = io.now() + timeoutMs;
  for (;;) {
    progress.waiting(`waiting for ${machine.name} ${what}`);
    const seen = await look(api, machine.id);
    if (seen && isDone(seen)) return seen;
    if (io.now() >= deadline) {
      throw new CliFailure(
        EXIT.waitTimedOut,
        'wait_timeout',
        `after ${timeout}, ${machine.name} still has ${what}`,
        {
          hint: `It goes on. Look again: agentmetal machine show ${machine.name}`,
        },
      );
    }
    await io.sleep(POLL_MS, io.signal);
    if (io.signal.aborted) throw interruption(`It goes on: agentmetal machine show ${machine.name}`);
  }
}

/** The machine; `undefined` while the control plane is away, which goes on with it when it is back. */
async function look(api: ApiClient, id: string): Promise<Machine | undefined> {
  try {
    return await getMachine(api, id);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') return undefined;
    throw error;
  }
}

/** Tells every step once when it ends, and every fault once. */
function createStepTeller({ progress }: CliContext): (machine: Machine) => void {
  const told = new Set<string>();
  const once = (key: string, text: string) => {
    if (told.has(key)) return;
    told.add(key);
    progress.step(text);
  };
  return ({ steps, fault, state }) => {
    for (const { name, state: how, detail, at, ms } of steps) {
      if (how !== 'done') continue;
      const took = ms === null ? '' : ` (${durationText(ms)})`;
      once(
        `${name} ${at}`,
        `${name} ${progress.style('green', '✓')}${detail === '' ? '' : ` ${detail}`}${took}`,
      );
    }
    if (fault && state === 'provisioning')
      once(`${fault.detail} ${fault.retryAt}`, `${fault.detail}; it is tried again`);
  };
}

function failure({ name, fault }: Machine): CliFailure {
  const detail = `${name} could not be made ready: ${fault?.detail ?? 'no reason was given'}`;
  const hint = `${fault?.hint ? `${fault.hint} Then: ` : ''}agentmetal machine retry ${name}`;
  return new CliFailure(EXIT.failed, fault?.code ?? 'machine_failed', detail, { hint });
}
