import type { Selectable } from 'kysely';
import type { CertificateReport } from '../api/certificates.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/** What an uploaded certificate says, for people and for comparing. */
export interface StoredFacts {
  names: readonly string[];
  subject: string;
  issuer: string;
  /** Upper-case hexadecimal. */
  serial: string;
  notBefore: string;
  notAfter: string;
  /** SHA-1 in upper-case hexadecimal. */
  fingerprint: string;
  key: string;
  /** What clients may stumble over, in words. */
  warnings: readonly string[];
}

/** An uploaded certificate of a load balancer. */
export interface CertificateRecord {
  loadBalancerId: string;
  name: string;
  /** PEM: the certificate first, then each one's issuer. */
  chain: string;
  /** The private key (PEM) as the sealer has made it. */
  sealedKey: string;
  facts: StoredFacts;
  /** Name of the API key that uploaded it. */
  uploadedBy: string;
  createdAt: string;
  updatedAt: string;
}

/** Keeps a certificate, in the place of one of that name. */
export async function saveCertificate(tx: Tx, certificate: CertificateRecord): Promise<void> {
  const row = toRow(certificate);
  const { load_balancer_id: _id, name: _name, created_at: _created, ...columns } = row;
  await tx
    .insertInto('certificates')
    .values(row)
    .onConflict((conflict) => conflict.columns(['load_balancer_id', 'name']).doUpdateSet(columns))
    .execute();
}

export async function deleteCertificate(tx: Tx, loadBalancerId: string, name: string): Promise<void> {
  await tx
    .deleteFrom('certificates')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('name', '=', name)
    .execute();
}

export async function findCertificate(
  tx: Tx,
  loadBalancerId: string,
  name: string,
): Promise<CertificateRecord | undefined> {
  const row = await tx
    .selectFrom('certificates')
    .selectAll()
    .where('load_balancer_id', '=', loadBalancerId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** What is known of the certificates of some load balancers without their keys. */
export type CertificateSummary = Omit<CertificateRecord, 'sealedKey' | 'chain'>;

/** Certificates of load balancers in the order of their names. */
export async function certificatesOf(
  tx: Tx,
  loadBalancerIds: readonly string[],
): Promise<CertificateSummary[]> {
  if (loadBalancerIds.length === 0) return [];
  const rows = await tx
    .selectFrom('certificates')
    .select(['load_balancer_id', 'name', 'facts', 'uploaded_by', 'created_at', 'updated_at'])
    .where('load_balancer_id', 'in', loadBalancerIds)
    .orderBy('name')
    .execute();
  return rows.map((row) => {
    const { chain: _chain, sealedKey: _key, ...summary } = fromRow({ ...row, chain: '', sealed_key: '' });
    return summary;
  });
}

/** What a machine tells of the certificates of a load balancer. */
export interface CertificateReportRecord {
  loadBalancerId: string;
  machineId: string;
  reports: CertificateReport[];
}

export async function saveCertificateReports(
  tx: Tx,
  { loadBalancerId, machineId, reports }: CertificateReportRecord,
): Promise<void> {
  const text = JSON.stringify(reports);
  await tx
    .insertInto('certificate_reports')
    .values({ load_balancer_id: loadBalancerId, machine_id: machineId, reports: text })
    .onConflict((conflict) =>
      conflict
        .columns(['load_balancer_id', 'machine_id'])
        .doUpdateSet({ reports: text })
        // Most reports say what the one before said: then nothing is written.
        .where('certificate_reports.reports', '!=', text),
    )
    .execute();
}

/** Ids of the load balancers of which any machine tells something about certificates. */
export async function withCertificateReports(tx: Tx): Promise<string[]> {
  const rows = await tx
    .selectFrom('certificate_reports')
    .select('load_balancer_id')
    .distinct()
    .where('reports', '!=', '[]')
    .execute();
  return rows.map((row) => row.load_balancer_id);
}

export async function certificateReportsOf(
  tx: Tx,
  loadBalancerIds: readonly string[],
): Promise<CertificateReportRecord[]> {
  if (loadBalancerIds.length === 0) return [];
  const rows = await tx
    .selectFrom('certificate_reports')
    .selectAll()
    .where('load_balancer_id', 'in', loadBalancerIds)
    .orderBy('machine_id')
    .execute();
  return rows.map((row) => ({
    loadBalancerId: row.load_balancer_id,
    machineId: row.machine_id,
    reports: JSON.parse(row.reports) as CertificateReport[],
  }));
}

function toRow(certificate: CertificateRecord): Selectable<Database['certificates']> {
  return {
    load_balancer_id: certificate.loadBalancerId,
    name: certificate.name,
    chain: certificate.chain,
    sealed_key: certificate.sealedKey,
    facts: JSON.stringify(certificate.facts),
    uploaded_by: certificate.uploadedBy,
    created_at: certificate.createdAt,
    updated_at: certificate.updatedAt,
  };
}

function fromRow(row: Selectable<Database['certificates']>): CertificateRecord {
  return {
    loadBalancerId: row.load_balancer_id,
    name: row.name,
    chain: row.chain,
    sealedKey: row.sealed_key,
    facts: JSON.parse(row.facts) as StoredFacts,
    uploadedBy: row.uploaded_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
