import { type MachineHost, isManual, listMachineHosts } from '../../store/machine-hosts.ts';
import type { ServerContext } from '../context.ts';
import { expireToken } from './expiry.ts';
import { makeReady } from './make-ready.ts';
import { takeOff } from './take-off.ts';

/** More at once would make each of them slower, and one that hangs holds up no more than its own place. */
const AT_ONCE = 4;
const PASS_EVERY_MS = 60_000;

/** Makes machines ready and takes them off, one attempt after another. */
export interface MachineQueue {
  /** Breaks off what runs, which the next start begins again, and resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

type Context = Pick<
  ServerContext,
  | 'maker'
  | 'store'
  | 'clock'
  | 'changes'
  | 'sealer'
  | 'agentAccess'
  | 'provisioner'
  | 'randomBytes'
  | 'log'
  | 'closing'
>;

interface Running {
  phase: MachineHost['phase'];
  abort: AbortController;
  done: Promise<void>;
}

/**
 * Level-triggered: what is to be done is what the store says, so that an attempt which was broken off anywhere is made
 * again, and a machine that is to go breaks off its being made ready.
 */
export function startMachineQueue(context: Context, random: () => number = Math.random): MachineQueue {
  const { store, clock, changes, log, closing } = context;
  const stopping = new AbortController();
  const over = AbortSignal.any([stopping.signal, closing]);
  const running = new Map<string, Running>();
  const watch = changes.watch('machines');
  const start = (host: MachineHost) => {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, over]);
    const work = host.phase === 'removing' ? takeOff : makeReady;
    const done = (isManual(host) ? expireToken(context, host) : work(context, host, { signal, random }))
      .catch((error: unknown) =>
        log.error({ err: error, machineId: host.machineId }, 'a machine was given up'),
      )
      .finally(() => {
        running.delete(host.machineId);
        changes.notify('machines');
      });
    running.set(host.machineId, { phase: host.phase, abort, done });
  };
  /** Starts what is due and room is for, and answers how long it is until something else is. */
  const pass = async (): Promise<number> => {
    const hosts = await store.transaction((tx) => listMachineHosts(tx));
    const now = clock.now();
    breakOff(running, hosts);
    const pending = hosts.filter(
      ({ phase, machineId }) => (phase === 'provisioning' || phase === 'removing') && !running.has(machineId),
    );
    const due = pending.filter(({ nextAt }) => nextAt <= now);
    for (const host of due.slice(0, AT_ONCE - running.size)) start(host);
    return pending
      .filter(({ nextAt }) => nextAt > now)
      .reduce((soonest, { nextAt }) => Math.min(soonest, nextAt - now), PASS_EVERY_MS);
  };
  const run = async () => {
    while (!over.aborted) {
      const waitMs = await pass().catch((error: unknown) => {
        log.error({ err: error }, 'the machines could not be looked at');
        return PASS_EVERY_MS;
      });
      await watch.next(waitMs, over);
    }
  };
  const loop = run();
  return {
    async stop() {
      stopping.abort();
      await loop;
      await Promise.all([...running.values()].map(({ done }) => done));
      watch.close();
    },
  };
}

/** Ends the attempts at what is no longer wanted. */
function breakOff(running: ReadonlyMap<string, Running>, hosts: readonly MachineHost[]): void {
  const wanted = new Map(hosts.map(({ machineId, phase }) => [machineId, phase]));
  for (const [machineId, { phase, abort }] of running) if (wanted.get(machineId) !== phase) abort.abort();
}
