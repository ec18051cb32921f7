import type { CertificateReport, CertificateStatus } from '../../api/certificates.ts';
import type { Condition } from '../../api/load-balancer.ts';
import { coversHost, domainsOf } from '../../spec/tls.ts';
import type { CertificateSummary } from '../../store/certificates.ts';
import type { Observation } from './observation.ts';

/** From worst to best: of what several machines say of a domain, the worst is told. */
const WORST = ['failed', 'expired', 'pending', 'obtaining', 'renewing', 'active', 'unused'] as const;

/** How it stands with every domain of the spec, every further name that is served, and what is not used. */
export function certificateStatuses(observation: Observation): CertificateStatus[] {
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

function seenStatuses({ nodes, certificates }: Observation): Map<string, CertificateStatus> {
  const found = new Map<string, CertificateStatus>();
  for (const { machineId, reports } of certificates?.reports ?? []) {
    const machine = nodes.find(({ node }) => node.machineId === machineId)?.machine.name;
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

function missingUpload({ record }: Observation, used: CertificateSummary | undefined): CertificateStatus[] {
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
