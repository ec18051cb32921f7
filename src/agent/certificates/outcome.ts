import { nextHold } from '../../certificates/decision.ts';
import type { Finding, ReasonCode } from '../../certificates/reason.ts';
import type { CaWord } from '../../certificates/revocation.ts';
import { recentMoments } from '../../certificates/budget.ts';
import { nextOrder } from '../../certificates/renewal-policy.ts';
import type { Entry } from './entry.ts';
import type { CertificateRecord } from './record.ts';
import { withFinding } from './entry.ts';

/** Failures for which the CA has tried the proof; it counts them. */
const PROOFS = new Set<ReasonCode>([
  'name_not_found',
  'dns_unreachable',
  'points_elsewhere',
  'ipv6_elsewhere',
  'connection_refused',
  'port_blocked',
  'wrong_answer',
  'challenge_failed',
  'txt_not_visible',
  'caa_forbids',
]);
/** Failures that only somebody's hand can end. */
const LASTING = new Set<ReasonCode>(['name_refused', 'terms_refused']);
/** Failures of ours, after which the CA has nothing against the next order. */
const PASSING = new Set<ReasonCode>(['interrupted']);
const SOON_MS = 60_000;
const SELDOM_MS = 12 * 3_600_000;

/** The record when the CA is about to be asked. */
export function afterStart(record: CertificateRecord, now: number): CertificateRecord {
  return {
    ...withFinding(record, undefined),
    orders: [...recentMoments(record.orders, now), now],
    issued: recentMoments(record.issued, now),
    failed: recentMoments(record.failed, now),
    lastAttemptAt: now,
  };
}

/** The record when a certificate has been obtained. */
export function afterSuccess(record: CertificateRecord, now: number, dice: number): CertificateRecord {
  return {
    dice,
    orders: record.orders,
    issued: [...record.issued, now],
    failed: record.failed,
    failures: 0,
    lastAttemptAt: now,
    ...(record.revoked ? { revokedBefore: (record.revokedBefore ?? 0) + 1 } : {}),
  };
}

/**
 * The record when its CA has said how the certificate in use is; undefined when that is nothing new. The first that is
 * revoked is replaced at once, those that follow it in a row are by the table of failed orders: a CA that revokes whatever
 * it issues is not to be asked without end.
 */
export function afterWord(
  { record, issued }: Pick<Entry, 'record' | 'issued'>,
  { revocation }: CaWord,
  now: number,
  dice: number,
): CertificateRecord | undefined {
  const { revoked, ...sound } = record;
  if (!revocation) return revoked && sound;
  const { at, reason } = revocation;
  const words = { ...(at === undefined ? {} : { at }), ...(reason === undefined ? {} : { reason }) };
  if (revoked && revoked.at === at && revoked.reason === reason) return undefined;
  if (revoked) return { ...record, revoked: { ...words, heardAt: revoked.heardAt } };
  const { backoffUntil: _, ...free } = sound;
  const count = record.revokedBefore ?? 0;
  return {
    ...free,
    revoked: { ...words, heardAt: now },
    ...(count > 0 ? { backoffUntil: nextOrder({ count, life: issued }, now, dice) } : {}),
  };
}

/** The record when an order has failed. */
export function afterFailure(
  { record, issued }: Pick<Entry, 'record' | 'issued'>,
  finding: Finding,
  now: number,
  dice: number,
): CertificateRecord {
  const failures = record.failures + 1;
  const { retryAt } = finding;
  const backoff = nextOrder({ count: failures, life: issued }, now, dice);
  const isSoon = PASSING.has(finding.code) && failures === 1;
  const next = isSoon ? Math.min(now + SOON_MS, backoff) : backoff;
  const backoffUntil = LASTING.has(finding.code) ? now + SELDOM_MS : next;
  return {
    ...withFinding(record, finding),
    failures,
    failed: PROOFS.has(finding.code) ? [...record.failed, now] : record.failed,
    backoffUntil,
    ...(retryAt === undefined ? {} : { refusedUntil: retryAt }),
  };
}

/** Notes why the CA is not asked now. Answers whether that is news. */
export function hold(entry: Entry, finding: Finding, now: number): boolean {
  const before = entry.record.finding;
  const isSame = before?.code === finding.code;
  entry.holds = isSame ? entry.holds + 1 : 0;
  entry.heldUntil = nextHold(entry.holds, finding.retryAt, now);
  entry.record = { ...withFinding(entry.record, finding), lastAttemptAt: now };
  return !isSame || before?.detail !== finding.detail;
}
