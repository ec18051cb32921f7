import type { LogEntry, LogLine } from '../../../api/logs.ts';

/** Lines of one node. */
export interface NodeLines {
  machine: string;
  lines: readonly LogLine[];
}

/** The lines of several nodes in the order of their times, each with its node. RFC 3339 in UTC sorts as text. Pure. */
export function mergeLines(nodes: readonly NodeLines[]): LogEntry[] {
  const entries = nodes.flatMap(({ machine, lines }) => lines.map((line) => ({ ...line, machine })));
  // One node's own lines come in order; sorting is stable.
  return nodes.length < 2
    ? entries
    : entries.sort((left, right) => (left.time < right.time ? -1 : Number(left.time > right.time)));
}
