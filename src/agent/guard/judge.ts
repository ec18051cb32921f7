import { formatDuration } from '../../base/duration.ts';
import { type GuardVerdict, type GuardView, describeView } from '../../spec/guard.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { type States, poolsHealth } from './health.ts';
import type { Meter } from './meter.ts';
import type { GuardRecord } from './record.ts';
import { counted } from './tally.ts';
import { type CountedTraffic, type PoolHealth, violations, withoutTimed } from './verdict.ts';

/** So late an end, or so old a look at HAProxy, leaves a gap in which anything may have happened. */
const GAP_MS = 15_000;
const MINUTE_MS = 60_000;
const NO_TRAFFIC = { requests: 0, errors: 0, timed: 0 };

export interface JudgeInput {
  spec: LoadBalancerSpec;
  states: States;
  meter: Pick<Meter, 'since' | 'lastAt'>;
  now: number;
}

/** What the guard of a live revision has come to by now. */
export interface Judgment {
  verdict: GuardVerdict;
  reason: string;
  view: GuardView;
}

/** Holds what is now against what was before the change. */
export function judge(
  record: GuardRecord & { liveAt: number },
  { spec, states, meter, now }: JudgeInput,
): Judgment {
  const { before, liveAt, durationMs } = record;
  const liveForMs = now - liveAt;
  const leftMs = Math.max(0, durationMs - liveForMs);
  const pools = poolsHealth({ spec, states, before: record.healthy, liveForMs });
  const { tally } = record;
  const lately = tally ? meter.since(Math.max(tally.at, now - MINUTE_MS)) : NO_TRAFFIC;
  const whole = tally ? { ...lately, ...counted(tally) } : lately;
  const view = viewOf({ before, after: whole, pools, leftMs });
  const told = (verdict: GuardVerdict, reason: string): Judgment => ({ verdict, reason, view });

  if (liveForMs > durationMs + GAP_MS)
    return told('unknown', 'the agent did not run when the time of the guard was over');
  const reasons = violations({ type: spec.type, before, after: [whole, lately], pools });
  if (reasons.length > 0) return told('violated', reasons.join('; '));
  if (leftMs > 0) return told('watching', describeView(view));
  if (now - meter.lastAt() > GAP_MS)
    return told('unknown', 'HAProxy did not answer while it was to be watched');
  return told('passed', `nothing got worse in ${formatDuration(durationMs)}: ${describeView(view)}`);
}

interface ViewInput {
  before: GuardView['before'];
  after: CountedTraffic;
  pools: readonly PoolHealth[];
  leftMs: number;
}

function viewOf({ before, after, pools, leftMs }: ViewInput): GuardView {
  return {
    secondsLeft: Math.ceil(leftMs / 1000),
    before,
    after: withoutTimed(after),
    healthy: pools.reduce((sum, { healthy }) => sum + healthy, 0),
    total: pools.reduce((sum, { wanted }) => sum + wanted, 0),
  };
}
