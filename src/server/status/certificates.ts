import type { CertificateReport, CertificateStatus } from '../../api/certificates.ts';
import type { Condition } from '../../api/load-balancer.ts';
import { type AlertStage, type LifeAlert, lifeAlert } from '../../certificates/alert.ts';
import { coversHost, domainsOf } from '../../spec/tls.ts';
import type { CertificateSummary } from '../../store/certificates.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { Observation } from './observation.ts';

/** From worst to best: of what several machines say of a domain, the worst is told. */
const WORST = [
  'failed',
  'expired',
  'revoked',
  'pending',
  'obtaining',
  'renewing',
  'active',
  'unused',
] as const;

/** What the status of certificates is made of. */
export interface CertificateView {
  record: Pick<LoadBalancerRecord, 'name' | 'spec'>;
  certificates: Observation['certificates'];
  /** Names of the machines by id. */
  machines: ReadonlyMap<string, string>;
  /** Milliseconds since the epoch. */
  now: number;
}

export function certificateView({ record, certificates, nodes, now }: Observation): CertificateView {
  const machines = new Map(nodes.map(({ node, machine }) => [node.machineId, machine.name]));
  return { record, certificates, machines, now };
}

/**
 * How it stands with every domain of the spec, every further name that is served, and what is not used. What an agent told
 * last goes for the time until it tells something else; whether a certificate nears its end is seen by the clock.
 */
export function certificateStatuses(view: CertificateView): CertificateStatus[] {
  return statusesAsTold(view).map((status) => byClock(status, view));
}

/** The same without the clock: what agents told last. */
export function statusesAsTold(observation: CertificateView): CertificateStatus[] {
  const { record, certificates } = observation;
  const uploads = certificates?.uploads ?? [];
  const seen = seenStatuses(observation);
  const used = uploads.find(({ name }) => name === record.spec.tls?.certificate);
  const domains = domainsOf(record.spec.tls);
  const names = used?.facts.names ?? [];
  const further = [...seen.keys()].filter((domain) => !domains.includes(domain) && names.includes(domain));
  return [
    ...domains.map((domain) => seen.get(domain) ?? awaited(domain, used)),
    ...missingUpload(observation, used),
    ...(used && seen.size === 0 ? names.filter((name) => !domains.includes(name)) : further).map(
      (domain) => seen.get(domain) ?? awaited(domain, used),
    ),
    ...uploads.filter((upload) => upload !== used).map(unused),
  ];
}

function seenStatuses({ machines, certificates }: CertificateView): Map<string, CertificateStatus> {
  const found = new Map<string, CertificateStatus>();
  for (const { machineId, reports } of certificates?.reports ?? []) {
    const machine = machines.get(machineId);
    if (machine === undefined) continue;
    for (const report of reports) {
      const before = found.get(report.domain);
      if (!before || rank(report) < rank(before)) found.set(report.domain, { ...report, machine });
    }
  }
  return found;
}

function rank({ state }: Pick<CertificateReport, 'state'>): number {
  return WORST.indexOf(state);
}

/** Before a machine has told. */
function awaited(domain: string, used: CertificateSummary | undefined): CertificateStatus {
  const isUploaded = used?.facts.names.some((name) => coversHost(name, domain)) ?? false;
  const reason = isUploaded
    ? 'the uploaded certificate is on its way to the machine'
    : 'HTTPS answers with a self-signed placeholder until a certificate has been obtained';
  return { domain, state: 'pending', source: isUploaded ? 'uploaded' : 'acme', reason, alert: 'none' };
}

function missingUpload(
  { record }: CertificateView,
  used: CertificateSummary | undefined,
): CertificateStatus[] {
  const name = record.spec.tls?.certificate;
  if (name === undefined || used) return [];
  return [
    {
      domain: name,
      state: 'failed',
      source: 'uploaded',
      reasonCode: 'not_uploaded',
      reason: `spec.tls.certificate names ${name}, and no certificate of that name was uploaded`,
      whatToDo: `Upload it: agentmetal lb tls upload ${record.name} --certificate ${name} --cert FILE --key FILE`,
      alert: 'critical',
      alertReason: 'HTTPS answers with a self-signed placeholder',
    },
  ];
}

function unused({ name, facts }: CertificateSummary): CertificateStatus {
  const { issuer, serial, notBefore, notAfter, names } = facts;
  return {
    domain: names[0] ?? name,
    state: 'unused',
    source: 'uploaded',
    certificate: name,
    reason: `the uploaded certificate ${name} is not served: spec.tls.certificate does not name it`,
    issuer,
    serial,
    notBefore,
    notAfter,
    alert: 'none',
  };
}

/** The alert of a certificate that is served; undefined where none is. */
export function alertOf(status: CertificateStatus, view: CertificateView): LifeAlert | undefined {
  const { state, domain, source, certificate = domain, notAfter, notBefore = notAfter } = status;
  if (state === 'unused' || notBefore === undefined || notAfter === undefined) return undefined;
  const { name: loadBalancer, spec } = view.record;
  const autoRenew = spec.tls?.autoRenew ?? true;
  const renewal = source === 'uploaded' ? 'by-upload' : autoRenew ? 'by-itself' : 'on-request';
  const life = { notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) };
  return lifeAlert({ loadBalancer, domain, certificate, life, renewal }, view.now);
}

const LEVELS: Record<AlertStage, CertificateStatus['alert']> = {
  none: 'none',
  warning: 'warning',
  critical: 'critical',
  expired: 'critical',
};
const RANKS = ['none', 'warning', 'critical'] as const;

function byClock(status: CertificateStatus, view: CertificateView): CertificateStatus {
  const alert = alertOf(status, view);
  if (!alert || alert.stage === 'none') return status;
  const level = LEVELS[alert.stage];
  const isNewlyOver = alert.stage === 'expired' && status.state !== 'expired';
  const cause = status.reasonCode === undefined ? '' : `; last told: ${status.reason}`;
  const reason = `the certificate that is served ended at ${status.notAfter ?? ''}${cause}`;
  return {
    ...status,
    ...(isNewlyOver ? { state: 'expired', reason } : {}),
    whatToDo: status.whatToDo ?? alert.whatToDo,
    alert: RANKS.indexOf(level) > RANKS.indexOf(status.alert) ? level : status.alert,
    alertReason: isNewlyOver ? alert.message : (status.alertReason ?? alert.message),
  };
}

/** Told while there are certificates to speak of. */
export function certificateConditions(
  { record }: Observation,
  statuses: readonly CertificateStatus[],
): Condition[] {
  const wanted = statuses.filter(({ state }) => state !== 'unused');
  if (wanted.length === 0) return [];
  const type = 'CertificatesServed';
  const since = record.updatedAt;
  const bad = wanted.filter(
    ({ alert, state, reasonCode }) =>
      alert !== 'none' ||
      state === 'failed' ||
      state === 'expired' ||
      (state === 'pending' && reasonCode !== undefined),
  );
  const waiting = wanted.filter(({ state }) => state === 'pending' || state === 'obtaining');
  const text = (list: readonly CertificateStatus[]) =>
    list
      .slice(0, 5)
      .map(({ domain, reason, alertReason, whatToDo }) => {
        const why = alertReason === undefined ? reason : `${reason} (${alertReason})`;
        return `${domain}: ${why}.${whatToDo === undefined ? '' : ` ${whatToDo}`}`;
      })
      .join(' ') + (list.length > 5 ? ` And ${list.length - 5} more.` : '');
  if (bad.length > 0) return [{ type, status: 'false', reason: 'NeedsAttention', message: text(bad), since }];
  if (waiting.length > 0)
    return [{ type, status: 'unknown', reason: 'Pending', message: text(waiting), since }];
  const message =
    wanted.length === 1 ? 'The certificate is served.' : `All ${wanted.length} certificates are served.`;
  return [{ type, status: 'true', reason: 'AllServed', message, since }];
}
