import { isoTime } from './iso-time.ts';
import type { IssuedCertificate } from './issued.ts';
import { type Finding, type ReasonCode, type Subject, explain } from './reason.ts';
import { type Alert, alertOf } from './renewal-policy.ts';
import { type Revocation, revocationText } from './revocation.ts';

/** How the certificate of one domain stands. Moments are ISO 8601. */
export interface CertificateOrderState {
  domain: string;
  /**
   * `pending`: none yet, and the CA has not been asked; with a reason when something speaks against asking it.
   * `obtaining`: the first is being obtained. `active`: a valid one is there, whatever its renewal comes to. `renewing`:
   * the same, and the next is being obtained. `failed`: none, and the CA was asked in vain. `revoked`: its CA has taken it
   * back, and it is served until there is another. `expired`: the last one is over, and is served all the same.
   */
  state: 'pending' | 'obtaining' | 'active' | 'renewing' | 'failed' | 'revoked' | 'expired';
  /** Why there is no newer one; absent when nothing speaks against it. */
  reasonCode?: ReasonCode;
  /** State and reason in words. */
  reason: string;
  /** What the operator can do; absent when there is nothing to do. */
  whatToDo?: string;
  issuer?: string;
  /** Serial number, hexadecimal. */
  serial?: string;
  notAfter?: string;
  /** When the next one is ordered, or the next try is made; absent when none is planned. */
  nextRenewalAt?: string;
  /** When the CA was last asked, or would have been if nothing had spoken against it. */
  lastAttemptAt?: string;
  /** Orders that have failed in a row. */
  attempts: number;
  /** That its CA has revoked the one in use; absent while it has not said so. */
  revocation?: Revocation;
  alert?: Alert;
}

/** What a state is made of. */
export interface Known {
  subject: Subject;
  issued?: IssuedCertificate | undefined;
  isBusy: boolean;
  autoRenew: boolean;
  finding?: Finding | undefined;
  /** That its CA has revoked the one in use. */
  revocation?: Revocation | undefined;
  failures: number;
  lastAttemptAt?: number | undefined;
  dueAt?: number | undefined;
  /** When something is done next; undefined when nothing is planned. */
  nextAt?: number | undefined;
}

export function describeState(known: Known, now: number): CertificateOrderState {
  const { subject, issued, lastAttemptAt, nextAt, failures, revocation } = known;
  const finding = findingOf(known, now);
  const state = stateOf(known, finding, now);
  const words = finding && explain(finding, subject);
  const alert = alertFor(known, finding, now);
  return {
    domain: subject.domain,
    state,
    ...(finding ? { reasonCode: finding.code } : {}),
    reason: [standing(known, state), words?.reason].filter((text) => text !== undefined).join('; '),
    ...(words ? { whatToDo: words.whatToDo } : {}),
    ...(issued ? { issuer: issued.issuer, serial: issued.serial, notAfter: isoTime(issued.notAfter) } : {}),
    ...(nextAt === undefined ? {} : { nextRenewalAt: isoTime(nextAt) }),
    ...(lastAttemptAt === undefined ? {} : { lastAttemptAt: isoTime(lastAttemptAt) }),
    attempts: failures,
    ...(issued && revocation ? { revocation } : {}),
    ...(alert ? { alert } : {}),
  };
}

function findingOf(
  { finding, autoRenew, dueAt, isBusy, issued, revocation }: Known,
  now: number,
): Finding | undefined {
  if (finding) return finding;
  if (!autoRenew && !isBusy && dueAt !== undefined && dueAt <= now)
    return { code: 'renewal_off', detail: '' };
  return issued && revocation ? { code: 'revoked', detail: '' } : undefined;
}

function alertFor(known: Known, finding: Finding | undefined, now: number): Alert | undefined {
  const alert = alertOf({ ...known, life: known.issued }, now);
  if (alert || finding?.code !== 'renewal_off') return alert;
  return { level: 'warning', message: 'it is due, and is not renewed by itself' };
}

/** What a CA says before there is an order: it has been asked, be it for the account. */
const REFUSALS = new Set<ReasonCode>(['eab_refused', 'email_refused', 'terms_refused', 'rate_limited']);

function stateOf(
  { issued, isBusy, failures, revocation }: Known,
  finding: Finding | undefined,
  now: number,
): CertificateOrderState['state'] {
  if (issued && issued.notAfter <= now) return 'expired';
  if (issued && revocation) return 'revoked';
  if (issued) return isBusy ? 'renewing' : 'active';
  if (isBusy) return 'obtaining';
  return finding && (failures > 0 || REFUSALS.has(finding.code)) ? 'failed' : 'pending';
}

function standing(
  { issued, finding, revocation }: Known,
  state: CertificateOrderState['state'],
): string | undefined {
  switch (state) {
    case 'pending':
      return finding ? 'the CA is not asked yet' : 'waits for its turn';
    case 'obtaining':
      return 'the CA is being asked';
    case 'expired':
      return issued && `expired at ${isoTime(issued.notAfter)}`;
    case 'revoked':
      return revocation && `${revocationText(revocation)}, and served until there is another`;
    case 'active':
    case 'renewing':
      return issued && `valid until ${isoTime(issued.notAfter)}`;
    default:
      return undefined;
  }
}
