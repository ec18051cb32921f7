import { readBundle } from '../../certificates/bundle.ts';
import type { CertificateUpload, UploadedCertificate } from '../../api/certificates.ts';
import { AppError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import { ResourceName } from '../../spec/name.ts';
import {
  type CertificateRecord,
  certificatesOf,
  deleteCertificate,
  findCertificate,
  saveCertificate,
} from '../../store/certificates.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { ofLoadBalancer } from '../events/resource.ts';
import { validationError } from '../http/read-request.ts';

/** More of one load balancer are a mistake: it serves one of them. */
const MAX_UPLOADS = 50;

export interface Upload {
  name: string;
  body: CertificateUpload;
  /** Name of the API key that uploads. */
  author: string;
  /** Whether one of that name may be replaced. */
  mayReplace: boolean;
}

/** What became of an upload. */
export interface Uploaded {
  record: CertificateRecord;
  isNew: boolean;
  /** Machines that must look again. */
  machineIds: string[];
}

/** Checks a certificate with its key and keeps it, the key sealed. */
export async function upload(
  context: ServerContext,
  tx: Tx,
  loadBalancer: LoadBalancerRecord,
  { name, body, author, mayReplace }: Upload,
): Promise<Uploaded> {
  requireName(name);
  const before = await findCertificate(tx, loadBalancer.id, name);
  if (before && !mayReplace) throw nameTaken(loadBalancer, name);
  if (!before) await requireRoom(tx, loadBalancer);
  const read = readBundle(body, context.clock.now());
  if (!read.ok)
    throw validationError(
      read.faults.map(({ field, code, detail }) => ({ pointer: `/${field}`, code, detail })),
    );
  const { chain, privateKey, ...facts } = read.bundle;
  if (before && before.chain === chain && isSameKey(context, before, privateKey))
    return { record: before, isNew: false, machineIds: [] };
  const now = timestamp(context);
  const record: CertificateRecord = {
    loadBalancerId: loadBalancer.id,
    name,
    chain,
    sealedKey: context.sealer.seal(privateKey),
    facts: { ...facts, warnings: read.warnings },
    uploadedBy: author,
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
  };
  await saveCertificate(tx, record);
  await tellEvents(tx, [uploadedEvent(loadBalancer, record)], context.clock.now());
  const isServed = loadBalancer.spec.tls?.certificate === name;
  const machineIds = isServed ? await touchNodes(tx, loadBalancer.id, await nextChangeVersion(tx)) : [];
  return { record, isNew: !before, machineIds };
}

/** A key that cannot be opened any more is replaced by whatever comes. */
function isSameKey({ sealer, log }: ServerContext, { sealedKey }: CertificateRecord, key: string): boolean {
  try {
    return sealer.open(sealedKey) === key;
  } catch (error) {
    log.warn({ error }, 'the key of an uploaded certificate cannot be opened, and is replaced');
    return false;
  }
}

export async function requireCertificate(
  tx: Tx,
  { id, name: loadBalancer }: LoadBalancerRecord,
  name: string,
): Promise<CertificateRecord> {
  const record = await findCertificate(tx, id, name);
  if (record) return record;
  const names = (await certificatesOf(tx, [id])).map((each) => each.name).join(', ');
  throw new AppError('not_found', `${loadBalancer} has no uploaded certificate ${shorten(name)}`, {
    hint: names
      ? `There are: ${names}.`
      : `Upload one: agentmetal lb tls upload ${loadBalancer} --cert FILE --key FILE`,
  });
}

export async function removeUpload(tx: Tx, loadBalancer: LoadBalancerRecord, name: string): Promise<void> {
  await requireCertificate(tx, loadBalancer, name);
  if (loadBalancer.spec.tls?.certificate === name)
    throw new AppError('certificate_in_use', `${loadBalancer.name} serves the certificate ${name}`, {
      hint: `Take it out of service first: agentmetal lb tls set ${loadBalancer.name} --clear-certificate`,
    });
  await deleteCertificate(tx, loadBalancer.id, name);
}

/** The certificate as the API shows it. */
export function uploadView(
  { name, chain, facts, uploadedBy, createdAt, updatedAt }: CertificateRecord,
  { spec }: Pick<LoadBalancerRecord, 'spec'>,
): UploadedCertificate {
  const { names, warnings, subject, issuer, serial, notBefore, notAfter, fingerprint, key } = facts;
  return {
    name,
    inUse: spec.tls?.certificate === name,
    names: [...names],
    subject,
    issuer,
    serial,
    notBefore,
    notAfter,
    fingerprint,
    key,
    certificate: chain,
    warnings: [...warnings],
    uploadedBy,
    createdAt,
    updatedAt,
  };
}

/** What an agent serves of it: the chain, then the key. */
export function bundleFor({ sealer }: Pick<ServerContext, 'sealer'>, record: CertificateRecord): string {
  return record.chain + sealer.open(record.sealedKey);
}

function uploadedEvent(
  loadBalancer: LoadBalancerRecord,
  { name, facts, uploadedBy }: CertificateRecord,
): NewEvent {
  const { names, serial, notAfter } = facts;
  return {
    type: 'certificate.uploaded',
    severity: 'info',
    resource: ofLoadBalancer(loadBalancer),
    subject: name,
    message: `${uploadedBy} uploaded the certificate ${name} for ${names.join(', ')}, which ends at ${notAfter}`,
    details: { certificate: name, names, serial, notAfter, uploadedBy },
  };
}

function requireName(name: string): void {
  if (ResourceName.safeParse(name).success && name !== 'renew') return;
  const detail = 'must be 1 to 63 lower-case letters, digits and hyphens, and not `renew`';
  throw validationError([{ pointer: '/name', code: 'invalid_value', detail }]);
}

async function requireRoom(tx: Tx, { id, name }: LoadBalancerRecord): Promise<void> {
  if ((await certificatesOf(tx, [id])).length < MAX_UPLOADS) return;
  throw new AppError('too_many_certificates', `${name} has ${MAX_UPLOADS} uploaded certificates already`, {
    hint: 'Delete those that are not used any more.',
  });
}

function nameTaken({ name: loadBalancer }: LoadBalancerRecord, name: string): AppError {
  return new AppError('name_taken', `${loadBalancer} has an uploaded certificate ${name} already`, {
    hint: `Replace it: agentmetal lb tls upload ${loadBalancer} --certificate ${name} --cert FILE --key FILE`,
  });
}
