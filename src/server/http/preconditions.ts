import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../base/errors.ts';

/** The ETag of a revision. */
export function etag(revision: number): string {
  return `"${revision}"`;
}

const ENTITY_TAG = /^(?:W\/)?"([\u0021\u0023-\u007e]*)"$/;

/**
 * Holds `If-Match` against the revision of the resource (RFC 9110, section 13.1.1). Weak tags count: a revision
 * stands for the whole state, so a proxy that weakened the tag has not made it less exact.
 */
export function requireMatch(headers: IncomingHttpHeaders, revision: number, what: string): void {
  const header = headers['if-match'];
  if (header === undefined) return;
  const tags = header.split(',').map((tag) => tag.trim());
  if (tags.includes('*')) return;
  const revisions = tags.map((tag) => ENTITY_TAG.exec(tag)?.[1]);
  if (revisions.includes(undefined)) {
    throw new AppError(
      'invalid_request',
      `If-Match must be an ETag in quotes such as ${etag(revision)}, a list of them, or *`,
    );
  }
  if (revisions.includes(String(revision))) return;
  throw new AppError(
    'revision_mismatch',
    `${what} is at revision ${revision}, not at ${revisions.join(' or ')}`,
    {
      hint: 'Read it again, make the change on what it is now, and send the new ETag.',
    },
  );
}
