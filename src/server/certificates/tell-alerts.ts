import type { LifeAlert } from '../../certificates/alert.ts';
import type { CertificateStatus } from '../../api/certificates.ts';
import type { EventType } from '../../api/events.ts';
import { certificateReportsOf, certificatesOf, withCertificateReports } from '../../store/certificates.ts';
import { type NewEvent, lastEvent, tellEvents } from '../../store/events.ts';
import { type LoadBalancerRecord, loadBalancersById } from '../../store/load-balancers.ts';
import { listMachines } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { failedEvent, isHeld } from '../events/certificates.ts';
import { ofLoadBalancer } from '../events/resource.ts';
import { type CertificateView, alertOf, statusesAsTold } from '../status/certificates.ts';

const AT_ONCE = 100;

/** What of certificates is told because time has gone by. */
export interface CertificateWatch {
  /**
   * Looks at all of them; to be done again and again.
   * @param heardSince what machines have told that have not reported since then is left out: they may have newer ones.
   */
  look(tx: Tx, now: number, heardSince?: number): Promise<void>;
}

/**
 * Tells of certificates that near their end or are over, of each stage once, and of what keeps the CA from being asked once it
 * has been there at two looks: most of it passes within seconds, as the agent looks before what it asks for is in place.
 */
export function createCertificateWatch(): CertificateWatch {
  let heldBefore: ReadonlyMap<string, string> = new Map();
  return {
    async look(tx, now, heardSince = 0) {
      const held = new Map<string, string>();
      for (const view of await readViews(tx, now, heardSince)) {
        // As told: by the clock alone one that is over would hide why it was not renewed.
        const statuses = statusesAsTold(view);
        await tellStages(tx, view, statuses);
        for (const status of statuses.filter(isHeld)) {
          const key = `${view.record.id} ${status.domain}`;
          const code = status.reasonCode ?? '';
          held.set(key, code);
          if (heldBefore.get(key) === code) await tellHeld(tx, view, status);
        }
      }
      heldBefore = held;
    },
  };
}

interface View extends CertificateView {
  record: LoadBalancerRecord;
}

async function readViews(tx: Tx, now: number, heardSince: number): Promise<View[]> {
  const ids = await withCertificateReports(tx);
  if (ids.length === 0) return [];
  const all = await listMachines(tx);
  const machines = new Map(all.map(({ id, name }) => [id, name]));
  const heard = new Set(
    all.flatMap(({ id, lastReportAt }) => (Date.parse(lastReportAt ?? '') >= heardSince ? [id] : [])),
  );
  const views: View[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const part = ids.slice(from, from + AT_ONCE);
    const uploads = Map.groupBy(await certificatesOf(tx, part), ({ loadBalancerId }) => loadBalancerId);
    const told = (await certificateReportsOf(tx, part)).filter(({ machineId }) => heard.has(machineId));
    const reports = Map.groupBy(told, ({ loadBalancerId }) => loadBalancerId);
    for (const record of await loadBalancersById(tx, part)) {
      const certificates = { uploads: uploads.get(record.id) ?? [], reports: reports.get(record.id) ?? [] };
      views.push({ record, certificates, machines, now });
    }
  }
  return views;
}

async function tellStages(tx: Tx, view: View, statuses: readonly CertificateStatus[]): Promise<void> {
  const { record, now } = view;
  const certificates = Map.groupBy(
    statuses,
    ({ source, certificate, domain }) => `${source} ${certificate ?? domain}`,
  );
  for (const [subject, group] of certificates) {
    const [first] = group;
    const alert = first && alertOf(first, view);
    if (!first || !alert || alert.stage === 'none') continue;
    const event = alertEvent(record, subject, group, alert);
    const last = await lastEvent(tx, { resourceId: record.id, type: event.type, subject });
    const isTold = last?.details['serial'] === first.serial && last?.details['stage'] === alert.stage;
    if (!isTold) await tellEvents(tx, [event], now);
  }
}

/** Of one domain and reason once, until it has a newer certificate. */
async function tellHeld(tx: Tx, { record, now }: View, status: CertificateStatus): Promise<void> {
  const last = async (type: EventType) =>
    lastEvent(tx, { resourceId: record.id, type, subject: status.domain });
  const told = await last('certificate.failed');
  const obtained = [await last('certificate.issued'), await last('certificate.renewed')];
  const newest = Math.max(...obtained.map((event) => event?.number ?? 0));
  const isTold = told?.details['reasonCode'] === status.reasonCode && (told?.number ?? 0) > newest;
  if (!isTold) await tellEvents(tx, [failedEvent(record, status)], now);
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
