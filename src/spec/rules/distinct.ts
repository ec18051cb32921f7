import { unshared } from '../../base/unshared.ts';
import { formatTarget, parseTarget } from '../target.ts';
import { record } from './raw.ts';

/** Shorter lists are looked through as soon as it is known what has changed in them. */
const MIN_LENGTH = 500;

/** The last long list without a target twice, and its targets. */
let last: { list: readonly unknown[]; targets: Set<string> } = { list: [], targets: new Set() };

/** The canonical target of a backend as it came; undefined where it has none that can be read. */
export function targetOf(backend: unknown): string | undefined {
  const text = record(backend)['target'];
  const target = typeof text === 'string' ? parseTarget(text) : undefined;
  return target && formatTarget(target);
}

/**
 * Whether no target of a long list stands there twice, found from what differs from the list before. When it is not so, or
 * not known cheaply, the answer is no.
 */
export function isKnownDistinct(list: readonly unknown[]): boolean {
  if (list.length < MIN_LENGTH) return false;
  const { before, after } = unshared(last.list, list);
  const isFollowing = before.length + after.length < MIN_LENGTH;
  const targets = isFollowing ? last.targets : new Set<string>();
  const added = isFollowing ? after : list;
  if (isFollowing) for (const backend of before) targets.delete(targetOf(backend) ?? '');
  // What is half changed is no list that another one may follow.
  last = { list: [], targets: new Set() };
  for (const backend of added) {
    const target = targetOf(backend);
    if (target === undefined || targets.has(target)) return false;
    targets.add(target);
  }
  last = { list, targets };
  return true;
}
