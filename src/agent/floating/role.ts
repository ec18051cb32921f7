import { statSync, readFileSync } from 'node:fs';
import type { NodeRole } from '../../api/agent.ts';

/** What keepalived has told of addresses. */
export interface ToldRole {
  role: NodeRole;
  since: Date;
}

/** The role that keepalived has told last; undefined when it has told none. */
export function readRole(path: string): ToldRole | undefined {
  try {
    return { role: roleOf(readFileSync(path, 'utf8').trim()), since: statSync(path).mtime };
  } catch {
    // Not a fault: before its first word there is no file.
    return undefined;
  }
}

/**
 * The role of a node that may have some addresses and not others: active with one of them, standing by for as long as there
 * is one that it could take. Undefined before anything is told.
 */
export function roleOfAll(told: readonly ToldRole[]): ToldRole | undefined {
  const of = (wanted: NodeRole) => told.filter(({ role }) => role === wanted);
  const [active, standby] = [of('active'), of('standby')];
  // It has been active since it got the first of those that it has, and stands by since it lost the last.
  if (active.length > 0) return { role: 'active', since: first(active) };
  if (told.length === 0) return undefined;
  return { role: standby.length > 0 ? 'standby' : 'fault', since: last(told) };
}

function first(told: readonly ToldRole[]): Date {
  return new Date(Math.min(...told.map(({ since }) => since.getTime())));
}

function last(told: readonly ToldRole[]): Date {
  return new Date(Math.max(...told.map(({ since }) => since.getTime())));
}

function roleOf(word: string): NodeRole {
  if (word === 'MASTER') return 'active';
  return word === 'BACKUP' ? 'standby' : 'fault';
}
