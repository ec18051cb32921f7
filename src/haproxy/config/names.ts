/**
 * Names of HAProxy's proxies. A pool's own section has the pool's name; whatever else there is has a colon in its name,
 * which no pool can have.
 */

/** Suffix of the section in which a new backend is looked at before it gets traffic. */
const ADMISSION_SUFFIX = ':admission';
/** Suffix of the section that serves when every backend of a pool is down and the pool fails open. */
const FAIL_OPEN_SUFFIX = ':fail-open';

/** The HAProxy backend in which the members of a pool have their first check. */
export function admissionBackend(pool: string): string {
  return pool + ADMISSION_SUFFIX;
}

/** The pool whose new members have their first check in that HAProxy backend; undefined for one that serves. */
export function servedPool(backend: string): string | undefined {
  return backend.endsWith(ADMISSION_SUFFIX) ? backend.slice(0, -ADMISSION_SUFFIX.length) : undefined;
}

/** The HAProxy backend that takes a pool's traffic when none of its members passes the check. */
export function failOpenBackend(pool: string): string {
  return pool + FAIL_OPEN_SUFFIX;
}

/** The pool that a section serves: its own, or the one that it stands in for. */
export function poolOfBackend(backend: string): string {
  const colon = backend.indexOf(':');
  return colon < 0 ? backend : backend.slice(0, colon);
}

/** Whether the section stands in for a pool that fails open. */
export function isFailOpen(backend: string): boolean {
  return backend.endsWith(FAIL_OPEN_SUFFIX);
}

/** The section in which clients arrive. */
export function frontendName(type: 'http' | 'tcp'): string {
  return `clients:${type}`;
}

/** The section by which a new worker gets the stick tables of the one before. */
export const PEERS = 'nodes';
/** The name of a node that is alone. */
export const LOCAL_PEER = 'local';
/** The name under which the agent speaks to a worker as a peer. */
export const AGENT_PEER = 'agent';

/** The section that only has the CAs read that backends are verified by. */
export const CA_BACKEND = 'certificates:ca';
