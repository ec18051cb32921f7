import type { CertificateReport } from '../../api/certificates.ts';
import type { NewEvent } from '../../store/events.ts';
import { type Named, ofLoadBalancer } from './resource.ts';

/** Reasons that are told of by the time that is left, and not when they begin. */
const BY_TIME: ReadonlySet<string> = new Set(['renewal_off', 'ends_soon', 'expired']);
const ROLLED_BACK = 'not_servable';
const REVOKED = 'revoked';
const SERVED: ReadonlySet<CertificateReport['state']> = new Set(['active', 'renewing']);

/** What a report says of certificates that has not been told before. Pure. */
export function certificateEvents(
  lb: Named,
  before: readonly CertificateReport[],
  after: readonly CertificateReport[],
): NewEvent[] {
  const known = new Map(before.map((report) => [report.domain, report]));
  const events = after.flatMap((report) => {
    const was = known.get(report.domain);
    return [...obtained(lb, was, report), ...failed(lb, was, report)];
  });
  return [...revoked(lb, before, after), ...events];
}

/** Certificates that have been revoked, each once for all of its domains. */
function revoked(
  lb: Named,
  before: readonly CertificateReport[],
  after: readonly CertificateReport[],
): NewEvent[] {
  const told = new Set(before.filter(({ state }) => state === REVOKED).map(({ serial }) => serial));
  const news = after.filter(({ state, serial }) => state === REVOKED && !told.has(serial));
  return [...Map.groupBy(news, ({ serial }) => serial).values()].flatMap((reports) => {
    const [first] = reports;
    if (!first) return [];
    const { domain, source, certificate, serial, revokedAt, revocationReason, reason, whatToDo } = first;
    const domains = reports.map((report) => report.domain);
    const more = domains.length > 1 ? ` and ${domains.length - 1} more` : '';
    return [
      {
        type: 'certificate.revoked',
        severity: 'error',
        resource: ofLoadBalancer(lb),
        subject: source === 'uploaded' ? (certificate ?? domain) : domain,
        message: `the certificate for ${domain}${more}: ${reason}.${whatToDo === undefined ? '' : ` ${whatToDo}`}`,
        details: { domains, source, certificate, serial, revokedAt, revocationReason, reason, whatToDo },
      } as const,
    ];
  });
}

function obtained(lb: Named, was: CertificateReport | undefined, is: CertificateReport): NewEvent[] {
  const { domain, source, serial, notAfter, issuer } = is;
  if (source !== 'acme' || serial === undefined || was?.serial === serial) return [];
  const isFirst = was?.serial === undefined;
  return [
    {
      type: isFirst ? 'certificate.issued' : 'certificate.renewed',
      severity: 'info',
      resource: ofLoadBalancer(lb),
      subject: domain,
      message: `${domain} has a ${isFirst ? '' : 'new '}certificate, which is served until ${notAfter ?? 'its end'}`,
      details: { domain, serial, notAfter, issuer, ...(isFirst ? {} : { previousSerial: was?.serial }) },
    },
  ];
}

/** Orders that the CA did not fulfil, and certificates that HAProxy did not take: what keeps the CA from being asked may pass. */
function failed(lb: Named, was: CertificateReport | undefined, is: CertificateReport): NewEvent[] {
  const { reasonCode, attempts = 0 } = is;
  if (reasonCode === undefined || reasonCode === REVOKED || BY_TIME.has(reasonCode)) return [];
  const isNews =
    reasonCode === ROLLED_BACK ? was?.reasonCode !== ROLLED_BACK : attempts > (was?.attempts ?? 0);
  return isNews ? [failedEvent(lb, is)] : [];
}

/** Whether something keeps the CA from being asked. */
export function isHeld({ reasonCode }: Pick<CertificateReport, 'reasonCode'>): boolean {
  return reasonCode !== undefined && ![ROLLED_BACK, REVOKED].includes(reasonCode) && !BY_TIME.has(reasonCode);
}

/** Tells why a domain has no newer certificate. */
export function failedEvent(lb: Named, report: CertificateReport): NewEvent {
  const { domain, state, reasonCode, reason, whatToDo, attempts = 0, nextRenewalAt, source } = report;
  const next = whatToDo === undefined ? '' : ` ${whatToDo}`;
  const subject = reason.includes(domain) ? '' : `${domain}: `;
  return {
    type: reasonCode === ROLLED_BACK ? 'certificate.rolled_back' : 'certificate.failed',
    severity: SERVED.has(state) ? 'warning' : 'error',
    resource: ofLoadBalancer(lb),
    subject: domain,
    message: `${subject}${reason}.${next}`,
    details: { domain, source, state, reasonCode, reason, whatToDo, attempts, nextRenewalAt },
  };
}

/** Failed orders by domain that came since the last report. Pure. */
export function newFailures(
  before: readonly CertificateReport[],
  after: readonly CertificateReport[],
): ReadonlyMap<string, number> {
  const known = new Map(before.map(({ domain, attempts = 0 }) => [domain, attempts]));
  const more = after.map(
    ({ domain, attempts = 0 }) => [domain, attempts - (known.get(domain) ?? 0)] as const,
  );
  return new Map(more.filter(([, count]) => count > 0));
}
