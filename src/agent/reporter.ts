import { type AgentReport, HEARTBEAT_MS, type LoadBalancerReport } from '../api/agent.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { messageOf } from '../base/errors.ts';
import type { Caller } from './contact.ts';
import type { ControlPlane } from './control-plane.ts';
import { createWake } from './wake.ts';

/** News that is not a receipt waits for more of its kind. */
const GATHER_MS = 50;

/** Tells the control plane what is new, and that the agent is alive. */
export interface Reporter {
  /** Has a load balancer reported soon; at once when urgent. */
  changed(id: string, urgent: boolean): void;
  /** Has the guards reported at once, which every report tells of. */
  guards(): void;
  /** Has everything reported again. */
  all(): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface ReporterOptions {
  clock: Clock;
  caller: Caller;
  logger: Logger;
  controlPlane: ControlPlane;
  /** Everything of the report but the load balancers. */
  about(): Omit<AgentReport, 'loadBalancers'>;
  ids(): string[];
  /** What is new of a load balancer; all of it when `isFresh`. */
  newsOf(id: string, isFresh: boolean): LoadBalancerReport | undefined;
  /** Called when the control plane has taken a report, with the load balancers of which it told. */
  onReported?(ids: readonly string[]): void;
}

export function createReporter({
  clock,
  caller,
  logger,
  controlPlane,
  about,
  ids,
  newsOf,
  onReported,
}: ReporterOptions): Reporter {
  const wake = createWake();
  const dirty = new Set<string>();
  /** Those of which the control plane may know nothing. */
  const fresh = new Set<string>();
  let isUrgent = false;
  const send = async (signal: AbortSignal) => {
    const batch = [...dirty];
    dirty.clear();
    isUrgent = false;
    try {
      const loadBalancers = batch
        .map((id) => newsOf(id, fresh.delete(id)))
        .filter((news) => news !== undefined);
      await controlPlane.report({ ...about(), loadBalancers });
      caller.answered();
      onReported?.(batch);
    } catch (error) {
      // Nothing is lost: what could not be told is told with the next report.
      for (const id of batch) {
        dirty.add(id);
        fresh.add(id);
      }
      logger.debug({ error: messageOf(error) }, 'the control plane takes no report');
      await caller.failed(signal);
    }
  };
  const markAll = () => {
    for (const id of ids()) dirty.add(id);
  };
  return {
    changed(id, urgent) {
      dirty.add(id);
      isUrgent ||= urgent;
      wake.ring();
    },
    guards() {
      isUrgent = true;
      wake.ring();
    },
    all() {
      markAll();
      for (const id of dirty) fresh.add(id);
      wake.ring();
    },
    async run(signal) {
      signal.addEventListener('abort', () => wake.ring());
      while (!signal.aborted) {
        await send(signal);
        // A heartbeat tells everything: durations and reasons change without being news.
        if (dirty.size === 0 && !(await wake.wait(HEARTBEAT_MS))) markAll();
        if (!isUrgent && !signal.aborted) await clock.sleep(GATHER_MS, signal);
      }
    },
  };
}
