import type { LifeAlert } from '../../certificates/alert.ts';
import type { CertificateStatus } from '../../api/certificates.ts';
import { certificateReportsOf, certificatesOf, withCertificateReports } from '../../store/certificates.ts';
import { type NewEvent, lastEvent, tellEvents } from '../../store/events.ts';
import { type LoadBalancerRecord, loadBalancersById } from '../../store/load-balancers.ts';
import { listMachines } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { ofLoadBalancer } from '../events/resource.ts';
import { type CertificateView, alertOf, certificateStatuses } from '../status/certificates.ts';

const AT_ONCE = 100;

/** Tells of certificates that near their end or are over: of each stage once, however long it lasts. */
export async function tellCertificateAlerts(tx: Tx, now: number): Promise<void> {
  const ids = await withCertificateReports(tx);
  if (ids.length === 0) return;
  const machines = new Map((await listMachines(tx)).map(({ id, name }) => [id, name]));
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const part = ids.slice(from, from + AT_ONCE);
    const uploads = Map.groupBy(await certificatesOf(tx, part), ({ loadBalancerId }) => loadBalancerId);
    const reports = Map.groupBy(await certificateReportsOf(tx, part), ({ loadBalancerId }) => loadBalancerId);
    for (const record of await loadBalancersById(tx, part)) {
      const certificates = { uploads: uploads.get(record.id) ?? [], reports: reports.get(record.id) ?? [] };
      await tellOf(tx, record, { record, certificates, machines, now });
    }
  }
}

async function tellOf(tx: Tx, record: LoadBalancerRecord, view: CertificateView): Promise<void> {
  const certificates = Map.groupBy(
    certificateStatuses(view),
    ({ source, certificate, domain }) => `${source} ${certificate ?? domain}`,
  );
  for (const [subject, statuses] of certificates) {
    const [first] = statuses;
    const alert = first && alertOf(first, view);
    if (!first || !alert || alert.stage === 'none') continue;
    const event = alertEvent(record, subject, statuses, alert);
    const last = await lastEvent(tx, { resourceId: record.id, type: event.type, subject });
    const isTold = last?.details['serial'] === first.serial && last?.details['stage'] === alert.stage;
    if (!isTold) await tellEvents(tx, [event], view.now);
  }
}

function alertEvent(
  record: LoadBalancerRecord,
  subject: string,
  statuses: readonly CertificateStatus[],
  { stage, message, whatToDo }: LifeAlert,
): NewEvent {
  const domains = statuses.map(({ domain }) => domain);
  const [first] = statuses;
  const names =
    domains.slice(0, 5).join(', ') + (domains.length > 5 ? ` and ${domains.length - 5} more` : '');
  const { source, certificate, serial, notAfter, reasonCode, reason } = first ?? {};
  const why = reasonCode === undefined || source === 'uploaded' ? '' : ` Last said: ${reason ?? ''}.`;
  return {
    type: stage === 'expired' ? 'certificate.expired' : 'certificate.expiring',
    severity: stage === 'warning' ? 'warning' : 'error',
    resource: ofLoadBalancer(record),
    subject,
    message: `the certificate for ${names}: ${message}.${why} ${whatToDo}`,
    details: { stage, domains, source, certificate, serial, notAfter, reasonCode },
  };
}
