import { statSync, readFileSync } from 'node:fs';
import type { NodeRole } from '../../api/agent.ts';

/** The role that keepalived has told last; undefined when it has told none. */
export function readRole(path: string): { role: NodeRole; since: Date } | undefined {
  try {
    return { role: roleOf(readFileSync(path, 'utf8').trim()), since: statSync(path).mtime };
  } catch {
    // Not a fault: before its first word there is no file.
    return undefined;
  }
}

function roleOf(word: string): NodeRole {
  if (word === 'MASTER') return 'active';
  return word === 'BACKUP' ? 'standby' : 'fault';
}
