import type { ServedCertificate } from '../../haproxy/model.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { domainsOf } from '../../spec/tls.ts';
import {
  type CertificateReportRecord,
  type CertificateSummary,
  certificateReportsOf,
  certificatesOf,
} from '../../store/certificates.ts';
import type { Tx } from '../../store/open.ts';

/** What the control plane knows of a load balancer's certificates; their keys are not among it. */
export interface KnownCertificates {
  uploads: readonly CertificateSummary[];
  reports: readonly CertificateReportRecord[];
}

export async function readKnownCertificates(tx: Tx, id: string): Promise<KnownCertificates> {
  return { uploads: await certificatesOf(tx, [id]), reports: await certificateReportsOf(tx, [id]) };
}

/** The certificates that a spec has served, as far as plans go by them: which, and for which names. */
export function knownCertificates(
  { tls }: Pick<LoadBalancerSpec, 'tls'>,
  { uploads, reports }: KnownCertificates,
): ServedCertificate[] {
  const upload = uploads.find(({ name }) => name === tls?.certificate);
  const domains = new Set(domainsOf(tls));
  const obtained = new Map<string, ServedCertificate>();
  for (const { source, domain, certificate, serial } of reports.flatMap((each) => each.reports)) {
    if (source !== 'acme' || certificate === undefined || serial === undefined || !domains.has(domain))
      continue;
    const hosts = [...(obtained.get(certificate)?.hosts ?? []), domain];
    obtained.set(certificate, { name: `acme-${certificate}`, hosts, fingerprint: serial, pem: '' });
  }
  const uploaded = upload && {
    name: `uploaded-${upload.name}`,
    hosts: upload.facts.names,
    fingerprint: upload.facts.fingerprint,
    pem: '',
  };
  return [...(uploaded ? [uploaded] : []), ...obtained.values()];
}
