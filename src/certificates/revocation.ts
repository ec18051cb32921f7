import { isoTime } from './iso-time.ts';

/** That a CA has taken a certificate back before its end. */
export interface Revocation {
  /** Since when, milliseconds since the epoch; undefined when the CA does not say. */
  at?: number | undefined;
  /** Why, by the CA's own word (RFC 5280, 5.3.1), such as `keyCompromise`; undefined when it does not say. */
  reason?: string | undefined;
}

/** What a CA says of a certificate (OCSP). */
export interface CaWord {
  /** When the CA has made sure of it, milliseconds since the epoch. */
  saidAt: number;
  /** Undefined for a certificate that is good. */
  revocation: Revocation | undefined;
}

const MEANINGS: Readonly<Record<string, string>> = {
  keyCompromise: 'somebody else may have its key',
  cACompromise: 'somebody else may have the key of the CA',
  affiliationChanged: 'its owner is another one now',
  superseded: 'another one took its place',
  cessationOfOperation: 'its name is not to be used any more',
  certificateHold: 'for a time',
  privilegeWithdrawn: 'it should not have been issued so',
};

/** A revocation in words: `revoked by its CA at 2026-11-23T04:00:00Z (keyCompromise: somebody else may have its key)`. */
export function revocationText({ at, reason }: Revocation): string {
  const since = at === undefined ? '' : ` at ${isoTime(at)}`;
  if (reason === undefined) return `revoked by its CA${since}`;
  const meaning = MEANINGS[reason];
  return `revoked by its CA${since} (${meaning === undefined ? reason : `${reason}: ${meaning}`})`;
}

/** What nobody but the CA knows. */
export const REVOKED_BY =
  'who had that done is not known: the CA, or whoever has the key of the certificate or the account';
