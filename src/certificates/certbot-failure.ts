import { printable } from '../base/printable.ts';
import type { Finding, ReasonCode } from './reason.ts';
import { retryAfterHeader, retryAfterWords } from './retry-after.ts';

/** How a run of certbot ended. */
export interface CertbotEnd {
  /** Exit code; undefined when it was killed. */
  code: number | undefined;
  /** True when it was ended because its time was over. */
  isLate: boolean;
  /** What it printed, both streams. */
  output: string;
  /** Its log, `letsencrypt.log`. Debian 12's certbot prints none of the CA's errors, but logs them. */
  log: string;
}

/** The most that is shown of what others wrote. */
const MAX_DETAIL = 400;
const MAX_READ = 1_000_000;

const CHALLENGE = /^\s*Type:\s+(\S+)\s*\n\s*Detail:\s+([^\n]*)/gm;
const ACME_ERROR = /urn:ietf:params:acme:error:(\w+)(?: :: ([^\n]*))?/g;
const RESPONSE = /^HTTP (\d{3})\n((?:[A-Za-z0-9-]+: [^\n]*\n)*)/gm;

/** Finds out why certbot failed, and when the CA may be asked again. */
export function readCertbotFailure(end: CertbotEnd, now: number): Finding {
  const output = end.output.slice(-MAX_READ);
  const log = end.log.slice(-MAX_READ);
  const finding = findReason({ ...end, output, log });
  const retryAt = latest([
    retryAfterWords(finding.detail, now),
    finding.code === 'rate_limited' || finding.code === 'ca_error' ? refusedUntil(log, now) : undefined,
  ]);
  return {
    code: finding.code,
    detail: printable(tidy(finding.detail), MAX_DETAIL),
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}

type Found = Pick<Finding, 'code' | 'detail'>;

function findReason(end: CertbotEnd): Found {
  if (end.isLate) return { code: 'certbot_slow', detail: lastLine(end.output) };
  const challenge = [...end.output.matchAll(CHALLENGE)].at(-1) ?? [...end.log.matchAll(CHALLENGE)].at(-1);
  if (challenge) return challengeReason(challenge[1] ?? '', challenge[2] ?? '');
  const text = `${end.log}\n${end.output}`;
  const plain = PLAIN.find(({ pattern }) => pattern.test(text));
  if (plain?.first) return { code: plain.code, detail: lineWith(text, plain.pattern) };
  const [, type, detail = ''] = [...text.matchAll(ACME_ERROR)].at(-1) ?? [];
  if (type !== undefined) return problemReason(type, detail);
  if (plain) return { code: plain.code, detail: lineWith(text, plain.pattern) };
  if (end.code === 127) return { code: 'certbot_missing', detail: lastLine(end.output) };
  if (end.code === undefined) return { code: 'interrupted', detail: lastLine(end.output) };
  return { code: 'certbot_failed', detail: lastLine(end.output) };
}

/** What the CA met when it asked for the proof. */
function challengeReason(type: string, detail: string): Found {
  return { code: challengeCode(type, detail), detail };
}

function challengeCode(type: string, detail: string): ReasonCode {
  if (type === 'caa' || /\bCAA record\b/.test(detail)) return 'caa_forbids';
  if (/TXT record|DNS challenge/i.test(detail) && type !== 'dns') return 'txt_not_visible';
  if (/NXDOMAIN looking up TXT/.test(detail)) return 'txt_not_visible';
  if (/could not resolve URL|NXDOMAIN|no valid A records|No valid IP addresses/i.test(detail))
    return 'name_not_found';
  if (type === 'dns') return 'dns_unreachable';
  if (/key authorization/i.test(detail)) return 'wrong_answer';
  if (type === 'unauthorized' || type === 'tls') return 'points_elsewhere';
  if (/\[[0-9a-f:]+\]|(?:^|\s)[0-9a-f]{1,4}:[0-9a-f:]+:\s/i.test(detail)) return 'ipv6_elsewhere';
  if (/refused|reset by peer/i.test(detail)) return 'connection_refused';
  if (/deadline exceeded|timeout|timed out/i.test(detail)) return 'port_blocked';
  if (/unreachable|no route/i.test(detail)) return 'points_elsewhere';
  return 'challenge_failed';
}

/** RFC 8555, section 6.7, and what CAs have added. */
const PROBLEMS: Readonly<Record<string, ReasonCode>> = {
  rateLimited: 'rate_limited',
  caa: 'caa_forbids',
  accountDoesNotExist: 'account_gone',
  externalAccountRequired: 'eab_required',
  rejectedIdentifier: 'name_refused',
  unsupportedIdentifier: 'name_refused',
  invalidContact: 'email_refused',
  unsupportedContact: 'email_refused',
  userActionRequired: 'terms_refused',
  serverInternal: 'ca_error',
  badNonce: 'ca_error',
  orderNotReady: 'ca_error',
  connection: 'challenge_failed',
  dns: 'dns_unreachable',
  unauthorized: 'ca_refused',
};

function problemReason(type: string, detail: string): Found {
  if (/\bkid\b.*not known|external account/i.test(detail)) return { code: 'eab_refused', detail };
  if (type === 'unauthorized' && /account is not valid|deactivated/i.test(detail))
    return { code: 'account_gone', detail };
  return { code: PROBLEMS[type] ?? 'ca_refused', detail };
}

interface Plain {
  pattern: RegExp;
  code: ReasonCode;
  /** Whether it counts before what the CA said. */
  first?: boolean;
}

/** Sentences of certbot and Python. Those of the machine come first: they are true whatever the CA said before. */
const PLAIN: readonly Plain[] = [
  { pattern: /No space left on device|\[Errno 28\]|Disk quota exceeded/, code: 'disk_full', first: true },
  { pattern: /Server requires external account binding/, code: 'eab_required', first: true },
  { pattern: /references a key that is not known|Invalid MAC key|hmac.*invalid/i, code: 'eab_refused' },
  { pattern: /Another instance of Certbot is already running/, code: 'interrupted' },
  { pattern: /does not support any combination of challenges/, code: 'wildcard_needs_dns' },
  { pattern: /is an IP address|contains an empty label|non-ASCII|too long/i, code: 'name_refused' },
  { pattern: /CERTIFICATE_VERIFY_FAILED|certificate verify failed/, code: 'ca_untrusted' },
  { pattern: /Account at \S+ does not exist|You should register before running/, code: 'account_gone' },
  {
    pattern: /Requesting \S+: |ReadTimeout|ConnectTimeout|NewConnectionError|Connection refused/,
    code: 'ca_unreachable',
  },
  { pattern: /acme\.errors\.ClientError: <Response \[5\d\d\]>|<Response \[5\d\d\]>/, code: 'ca_error' },
  { pattern: /acme\.errors\.ClientError|Malformed|JSONDecodeError/, code: 'ca_error' },
  { pattern: /\[Errno 30\]|Read-only file system|Permission denied/, code: 'not_writable' },
];

/** When the CA's last refusal says that it may be asked again. */
function refusedUntil(log: string, now: number): number | undefined {
  const refusal = [...log.matchAll(RESPONSE)].findLast(([, status]) => Number(status) >= 400);
  const value = /^retry-after: ([^\n]*)$/im.exec(refusal?.[2] ?? '')?.[1];
  return value === undefined ? undefined : retryAfterHeader(value, now);
}

function latest(moments: readonly (number | undefined)[]): number | undefined {
  const known = moments.filter((at) => at !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The CA's title says what its type says already, and certbot's advice to look at its log helps nobody here. */
function tidy(detail: string): string {
  return detail
    .replace(/^The [^:]*? :: /, '')
    .replace(/^Error finalizing order :: /, '')
    .trim();
}

function lineWith(text: string, pattern: RegExp): string {
  return text.split('\n').findLast((line) => pattern.test(line)) ?? '';
}

/** The last line that says something. */
function lastLine(output: string): string {
  const noise =
    /^(Ask for help|See the logfile|Saving debug log|Some challenges have failed|\s*$|- - -)|community\.letsencrypt\.org/;
  return output.split('\n').findLast((line) => !noise.test(line)) ?? '';
}
