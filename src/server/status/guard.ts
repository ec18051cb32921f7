import type { Condition } from '../../api/load-balancer.ts';
import { formatDuration } from '../../base/duration.ts';
import type { GuardRecord } from '../../store/guards.ts';
import type { Observation } from './observation.ts';

/** What is to be told of guards: while one watches, and of one that did not pass until the next change. */
export function guardConditions({ record, guards = [] }: Observation): Condition[] {
  const newest = guards.find(({ revision }) => revision === record.revision);
  const taken = guards.find(({ restoredBy }) => restoredBy === record.revision);
  const tell = (guard: GuardRecord | undefined) => (guard ? conditionOf(guard) : undefined) ?? [];
  return [tell(newest), tell(taken)].flat().map((condition) => ({ ...condition, since: record.updatedAt }));
}

function conditionOf(guard: GuardRecord): Omit<Condition, 'since'> | undefined {
  const { revision, state, reason, restoredBy, durationMs } = guard;
  switch (state) {
    case 'watching':
      return {
        type: 'Guarded',
        status: 'true',
        reason: 'Watching',
        message: `Revision ${revision} is watched for ${formatDuration(durationMs)} once it is live; if it makes anything worse, revision ${revision - 1} is restored. So far: ${reason}.`,
      };
    case 'restored':
      return {
        type: 'GuardRestored',
        status: 'true',
        reason: 'GotWorse',
        message: `Revision ${restoredBy ?? 0} brought revision ${revision - 1} back, because revision ${revision} made it worse: ${reason}.`,
      };
    case 'failed':
      return {
        type: 'GuardRestored',
        status: 'false',
        reason: 'NotRestored',
        message: `Revision ${revision} was guarded, but nothing was restored: ${reason}.`,
      };
    case 'unknown':
      return {
        type: 'Guarded',
        status: 'unknown',
        reason: 'NotWatched',
        message: `Whether revision ${revision} made anything worse is not known: ${reason}. It is kept.`,
      };
    default:
      return undefined;
  }
}
