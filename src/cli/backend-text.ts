import { DEFAULT_POOL } from '../spec/pools-of.ts';

/** What names a backend: the same target may be in several pools. */
interface BackendName {
  pool: string;
  target: string;
}

export function backendKey({ pool, target }: BackendName): string {
  return `${pool} ${target}`;
}

/** A backend in a sentence. */
export function backendText({ pool, target }: BackendName): string {
  return pool === DEFAULT_POOL ? target : `${target} (pool ${pool})`;
}
