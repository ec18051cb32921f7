import type { MissingNodes } from '../../api/logs.ts';
import type { NodeFault } from './each-node.ts';

/** Who is missing in an answer; nothing when nobody is. */
export function missingOf(faults: readonly NodeFault[]): { missing?: MissingNodes } {
  const missing = faults.map(({ node, error }) => ({ machine: node.machine, problem: error.message }));
  return missing.length === 0 ? {} : { missing };
}
