import type { Algorithm } from '../../spec/pool.ts';
import { parseTarget } from '../../spec/target.ts';
import type { ServiceModel } from '../model.ts';
import { DEFAULT_POOL } from './frontend.ts';
import { checkKeywords, checkLines } from './health-check.ts';
import type { Section } from './section.ts';

/** Suffix of the section in which a new backend is looked at before it gets traffic. */
const ADMISSION_SUFFIX = ':admission';

/** The HAProxy backend in which the members of a pool have their first check. */
export function admissionBackend(pool: string): string {
  return pool + ADMISSION_SUFFIX;
}

/** The pool whose new members have their first check in that HAProxy backend; undefined for one that serves. */
export function servedPool(backend: string): string | undefined {
  return backend.endsWith(ADMISSION_SUFFIX) ? backend.slice(0, -ADMISSION_SUFFIX.length) : undefined;
}

/** The sections of a pool: the one that serves, and the one in which new members have their first check. */
export function backendSections({ spec }: ServiceModel): Section[] {
  const hasIpv6Target = spec.backends.some(({ target }) => parseTarget(target)?.host.includes(':'));
  // Here and not on each server's line, because a server cannot be given another check at run time.
  const everyServer = `default-server ${checkKeywords(spec.healthCheck)}`;
  const check = checkLines(spec.healthCheck, hasIpv6Target);
  return [
    { header: `backend ${DEFAULT_POOL}`, lines: [...balanceLines(spec.algorithm), ...check, everyServer] },
    { header: `backend ${admissionBackend(DEFAULT_POOL)}`, lines: check },
  ];
}

function balanceLines(algorithm: Algorithm): string[] {
  const method = algorithm.startsWith('header:') ? `hdr(${algorithm.slice('header:'.length)})` : algorithm;
  // Map-based hashing can take no servers at run time, and would move most clients when one comes or goes.
  return [`balance ${method}`, ...(isHashed(algorithm) ? ['hash-type consistent'] : [])];
}

/** Whether the algorithm places clients by a hash, so that the servers' ids decide who goes where. */
export function isHashed(algorithm: Algorithm): boolean {
  return algorithm === 'source' || algorithm === 'uri' || algorithm.startsWith('header:');
}
