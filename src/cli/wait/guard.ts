import type { ApiClient } from '../../api/client.ts';
import type { LoadBalancer, RevisionGuard } from '../../api/load-balancer.ts';
import { AppError, ERROR_CODES } from '../../base/errors.ts';
import { describeView } from '../../spec/guard.ts';
import { CliFailure, EXIT, interruption } from '../failure.ts';
import { getRevision } from '../resources.ts';
import type { CliContext } from '../session.ts';

const POLL_MS = 500;
/** How often a line tells how it goes where there is no spinner. */
const LINE_MS = 10_000;

export interface GuardWait {
  lb: Pick<LoadBalancer, 'id' | 'name'>;
  revision: number;
  /** How long to wait for the end, in milliseconds. */
  limitMs: number;
}

/** Waits until a guard has ended, and tells on stderr how it goes. The failure is undefined when the revision is kept. */
export async function waitForGuard(
  ctx: CliContext,
  { lb, revision, limitMs }: GuardWait,
): Promise<CliFailure | undefined> {
  const { io, progress } = ctx;
  const api = await ctx.api();
  const deadline = io.now() + limitMs;
  const tell = createTeller(ctx, revision);
  for (;;) {
    const guard = await look(api, lb.id, revision);
    if (guard && guard.state !== 'watching') return endOf(ctx, lb, revision, guard);
    if (guard) tell(guard);
    if (io.now() >= deadline) return lateEnd(lb, revision);
    await io.sleep(POLL_MS, io.signal);
    if (io.signal.aborted)
      throw interruption(`The guard goes on: agentmetal lb revisions ${lb.name} ${revision}`);
    progress.waiting(`guarding revision ${revision}`);
  }
}

/** `undefined` while the control plane is away: the agent watches on, and tells it later. */
async function look(api: ApiClient, id: string, revision: number): Promise<RevisionGuard | undefined> {
  try {
    const { guard } = await getRevision(api, id, revision);
    return guard ?? { duration: '', state: 'unknown', reason: 'it has no guard', machines: [] };
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') return undefined;
    throw error;
  }
}

function createTeller({ io, progress }: CliContext, revision: number): (guard: RevisionGuard) => void {
  let isBegun = false;
  let nextLine = 0;
  return (guard) => {
    const seen = seenText(guard);
    progress.waiting(`guarding revision ${revision}: ${seen ?? guard.reason}`);
    if (!isBegun) progress.step(`guarding revision ${revision} for ${guard.duration}`);
    isBegun = true;
    if (seen === undefined || io.stderr.isTTY === true || io.now() < nextLine) return;
    nextLine = io.now() + LINE_MS;
    progress.step(seen);
  };
}

/** The machine that has longest to watch speaks for all; undefined until one has seen something. */
function seenText({ machines }: RevisionGuard): string | undefined {
  const views = machines.flatMap(({ view }) => view ?? []);
  const view = views.toSorted((left, right) => right.secondsLeft - left.secondsLeft)[0];
  return view && `${view.secondsLeft} s left: ${describeView(view)}`;
}

function endOf(
  { progress }: CliContext,
  { name }: GuardWait['lb'],
  revision: number,
  { state, reason, restoredBy }: RevisionGuard,
): CliFailure | undefined {
  const hint = `agentmetal lb revisions ${name} ${revision}`;
  switch (state) {
    case 'passed':
      progress.step(`revision ${revision} is kept: ${reason}`);
      return undefined;
    case 'restored': {
      const by = restoredBy === undefined ? '' : ` (as revision ${restoredBy})`;
      const detail = `restored revision ${revision - 1}${by} because ${reason}`;
      return new CliFailure(EXIT.failed, 'guard_restored', detail, { hint });
    }
    case 'superseded': {
      const detail = `revision ${revision} of ${name} was guarded, but ${reason}`;
      return new CliFailure(ERROR_CODES.revision_mismatch.exit, 'guard_superseded', detail, { hint });
    }
    case 'unknown': {
      const detail = `revision ${revision} of ${name} is kept, but nobody watched it to the end: ${reason}`;
      return new CliFailure(EXIT.degraded, 'guard_unknown', detail, { hint });
    }
    default:
      return new CliFailure(EXIT.failed, 'guard_failed', reason, { hint });
  }
}

function lateEnd({ name }: GuardWait['lb'], revision: number): CliFailure {
  return new CliFailure(
    EXIT.waitTimedOut,
    'wait_timeout',
    `revision ${revision} of ${name} is live, but its guard has not ended: the agent does not tell`,
    { hint: `The guard goes on: agentmetal lb revisions ${name} ${revision}` },
  );
}
