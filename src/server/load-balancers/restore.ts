import { validateLoadBalancer } from '../../spec/validate.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import type { RevisionRecord } from '../../store/revisions.ts';
import type { ServerContext } from '../context.ts';
import { validationError } from '../http/read-request.ts';
import { type Changed, type RevisionOrigin, changeLoadBalancer } from './change.ts';

/** Brings the spec of a revision back as a new one. The present name and labels stay. */
export async function restoreRevision(
  context: ServerContext,
  tx: Tx,
  record: LoadBalancerRecord,
  { revision, ...origin }: Omit<RevisionOrigin, 'action' | 'restoredFrom'> & { revision: RevisionRecord },
): Promise<Changed> {
  return changeLoadBalancer(context, tx, record, restored(record, revision), {
    ...origin,
    action: 'restore',
    restoredFrom: revision.number,
  });
}

/** The old spec under the present name and labels; it is read again because the rules may have become stricter. */
function restored({ name, labels }: LoadBalancerRecord, { spec }: RevisionRecord) {
  const validated = validateLoadBalancer({ name, labels, spec });
  if (validated.ok) return validated.value;
  throw validationError(validated.errors);
}
