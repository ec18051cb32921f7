import type { CertificateStatus, TermsAgreement } from '../../api/certificates.ts';
import { formatMoment } from './age.ts';
import { termsText } from '../terms-text.ts';
import { type Section, indent, renderSections } from './sections.ts';
import { paintState } from './state.ts';
import { type Style, printable } from './style.ts';
import { type Column, renderTable } from './table.ts';

type Certificates = Array<Column<CertificateStatus>>;

/** What `lb tls show` shows. */
export interface ShownCertificates {
  items: CertificateStatus[];
  agreements?: TermsAgreement[];
}

export interface CertificateContext {
  /** Name of the load balancer. */
  name: string;
  now: number;
  style: Style;
}

/** More certificates than this, and those that are well are lines of a table. */
const MAX_WHOLE = 3;

/** All that is known of certificates, for somebody who was woken up: what needs a hand first, and what to do. */
export function renderCertificates(
  { items, agreements = [] }: ShownCertificates,
  context: CertificateContext,
): string {
  const sorted = items.toSorted((left, right) => rankOf(left) - rankOf(right));
  const isShort = sorted.length > MAX_WHOLE;
  const whole = isShort ? sorted.filter((status) => rankOf(status) < WELL) : sorted;
  const rest = sorted.filter((status) => !whole.includes(status));
  return [
    summary(sorted, context),
    ...whole.map((status) => renderOne(status, context)),
    ...(rest.length > 0 ? [renderTable(shortColumns(context), rest)] : []),
    ...(agreements.length > 0 ? [renderTerms(agreements, context)] : []),
  ].join('\n');
}

const WELL = 3;

/** From what needs somebody at once to what nobody has to look at. */
function rankOf({ state, alert }: CertificateStatus): number {
  if (state === 'unused') return WELL + 1;
  if (alert === 'critical' || state === 'expired') return 0;
  if (alert === 'warning' || state === 'failed') return 1;
  return state === 'pending' || state === 'obtaining' ? 2 : WELL;
}

function summary(items: readonly CertificateStatus[], { name, style }: CertificateContext): string {
  const wanted = items.filter(({ state }) => state !== 'unused');
  const count = (ranks: readonly number[]) => wanted.filter((each) => ranks.includes(rankOf(each))).length;
  const bad = count([0, 1]);
  const waiting = count([2]);
  const of = wanted.length === 1 ? 'The certificate' : `${bad || waiting} of ${wanted.length} certificates`;
  if (bad > 0) {
    const verb = wanted.length === 1 || bad === 1 ? 'needs' : 'need';
    return `${name}: ${style(count([0]) > 0 ? 'red' : 'yellow', `${of} ${verb} attention`)}\n`;
  }
  if (waiting > 0) {
    const verb = wanted.length === 1 || waiting === 1 ? 'is' : 'are';
    return `${name}: ${style('cyan', `${of} ${verb} not there yet`)}\n`;
  }
  const all = wanted.length === 1 ? 'The certificate is' : `All ${wanted.length} certificates are`;
  return `${name}: ${style('green', `${all} served and in time`)}\n`;
}

function renderOne(status: CertificateStatus, { now, style }: CertificateContext): string {
  const { domain, state, source, certificate, issuer, serial, notAfter, whatToDo } = status;
  const isUploaded = source === 'uploaded';
  const section: Section = {
    rows: [
      ['State', { text: state, paint: (text) => paintState(style, text) }],
      ['Alert', { text: alertText(status), paint: (text) => paintAlert(style, text, status) }],
      ['Reason', reasonText(status)],
      ['What to do', { text: whatToDo ?? '', paint: (text) => style('bold', text) }],
      ['Not after', notAfter === undefined ? '' : formatMoment(notAfter, now)],
      [notAfter === undefined ? 'Next try' : 'Next renewal', renewalText(status, now)],
      ['Last attempt', attemptText(status, now)],
      ['Issuer', issuer ?? ''],
      ['Serial', serial ?? ''],
      ['Uploaded as', isUploaded ? (certificate ?? '') : ''],
    ],
  };
  return `${style('bold', printable(domain))}\n${indent(renderSections([section]))}`;
}

function alertText({ alert, alertReason }: CertificateStatus): string {
  if (alert === 'none') return '';
  return alertReason === undefined ? alert : `${alert}: ${alertReason}`;
}

function paintAlert(style: Style, text: string, { alert }: CertificateStatus): string {
  if (alert === 'none') return text;
  return style(alert === 'critical' ? 'red' : 'yellow', text);
}

function renewalText({ nextRenewalAt, source, state }: CertificateStatus, now: number): string {
  if (state === 'unused') return '';
  if (source === 'uploaded') return 'not by itself: it was uploaded';
  if (nextRenewalAt === undefined) return 'none is planned';
  return Date.parse(nextRenewalAt) < now + 1000 ? 'now' : formatMoment(nextRenewalAt, now);
}

function attemptText({ lastAttemptAt, attempts = 0 }: CertificateStatus, now: number): string {
  if (lastAttemptAt === undefined) return '';
  const failed = attempts === 0 ? '' : `, ${attempts} ${attempts === 1 ? 'has' : 'in a row have'} failed`;
  return `${formatMoment(lastAttemptAt, now)}${failed}`;
}

function renderTerms(agreements: readonly TermsAgreement[], { name, now }: CertificateContext): string {
  const lines = agreements.map(({ directory, termsOfService, agreedBy, agreedAt, isCurrent }) => {
    // The directory is where machines ask, which is nothing to read.
    const what = termsOfService ?? (directory === undefined ? 'those of the CA' : termsText({ directory }));
    const before = isCurrent ? '' : ' (before)';
    return `Terms${before}: ${what}, agreed to by ${agreedBy} on ${formatMoment(agreedAt, now)}`;
  });
  const isOpen = !agreements.some(({ isCurrent }) => isCurrent);
  const more = isOpen
    ? [
        `The CA, or its terms, are others now. Read them, then name the domains again: agentmetal lb tls set ${name} --domain DOMAIN`,
      ]
    : [];
  return [...lines, ...more].map((line) => `${printable(line)}\n`).join('');
}

function shortColumns({ now, style }: CertificateContext): Certificates {
  return [
    { heading: 'DOMAIN', cell: ({ domain }) => domain },
    { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
    {
      heading: 'NOT-AFTER',
      cell: ({ notAfter }) => (notAfter === undefined ? '' : formatMoment(notAfter, now)),
    },
    { heading: 'RENEWAL', cell: (status) => renewalText(status, now) },
    { heading: 'ISSUER', cell: ({ issuer = '' }) => issuer },
    { heading: 'SERIAL', cell: ({ serial = '' }) => serial },
  ];
}

/** The columns of how it stands with certificates in short, beside other things. */
export function certificateColumns(now: number, style: Style): Certificates {
  return [
    { heading: 'DOMAIN', cell: ({ domain }) => domain },
    { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
    {
      heading: 'ALERT',
      cell: ({ alert }) => (alert === 'none' ? '' : alert),
      paint: (text, status) => paintAlert(style, text, status),
    },
    {
      heading: 'NOT-AFTER',
      cell: ({ notAfter }) => (notAfter === undefined ? '' : formatMoment(notAfter, now)),
    },
    { heading: 'REASON', cell: reasonText },
    { heading: 'WHAT-TO-DO', cell: ({ whatToDo = '' }) => whatToDo },
  ];
}

function reasonText({ reason, reasonCode }: CertificateStatus): string {
  return reasonCode === undefined ? reason : `${reason} (${reasonCode})`;
}
