import { X509Certificate } from 'node:crypto';
import type { FieldError } from '../../base/errors.ts';
import { pemBlocks } from '../../certificates/pem.ts';
import { revocationFault } from '../../certificates/revocation-list.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { isCertificate } from './certificates.ts';

/** The CAs of clients and what they revoked, as far as HAProxy would refuse them or have every client refused. */
export function clientCaErrors({ tls }: LoadBalancerSpec): FieldError[] {
  const { certificates, revocationLists } = tls?.clientCa ?? {};
  if (certificates === undefined) return [];
  const fault = (field: string, detail: string): FieldError => ({
    pointer: `/spec/tls/clientCa/${field}`,
    code: 'invalid_value',
    detail,
  });
  const pems = pemBlocks(certificates).map(({ text }) => text);
  if (!pems.every(isCertificate)) return [fault('certificates', 'holds a certificate that cannot be read')];
  if (revocationLists === undefined) return [];
  const cas = pems.map((pem) => new X509Certificate(pem));
  const why = revocationFault(cas, revocationLists);
  return why === undefined ? [] : [fault('revocationLists', why)];
}
