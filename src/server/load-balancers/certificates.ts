import { X509Certificate } from 'node:crypto';
import { revocationFault } from '../../certificates/revocation-list.ts';
import type { FieldError } from '../../base/errors.ts';
import { jsonPointer } from '../../base/pointer.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { allBackends, poolPath } from '../../spec/pools-of.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The CAs of backends and clients that are certificates in form alone: HAProxy would refuse the whole configuration. */
export function certificateErrors(spec: LoadBalancerSpec): FieldError[] {
  const known = new Map<string, boolean>();
  const isReadable = (ca: string) => {
    const readable = known.get(ca) ?? (ca.match(CERTIFICATE) ?? []).every(isCertificate);
    known.set(ca, readable);
    return readable;
  };
  const clients = clientCaErrors(spec);
  const backends = allBackends(spec).flatMap(({ pool, index, backend }) => {
    const ca = backend.tls?.ca;
    if (ca === undefined || isReadable(ca)) return [];
    const pointer = jsonPointer([...poolPath(pool), 'backends', index, 'tls', 'ca']);
    return [{ pointer, code: 'invalid_value', detail: 'holds a certificate that cannot be read' }];
  });
  return [...backends, ...clients];
}

/** The CAs of clients and what they revoked, as far as HAProxy would refuse them or have every client refused. */
function clientCaErrors({ tls }: LoadBalancerSpec): FieldError[] {
  const { certificates, revocationLists } = tls?.clientCa ?? {};
  if (certificates === undefined) return [];
  const fault = (field: string, detail: string): FieldError => ({
    pointer: `/spec/tls/clientCa/${field}`,
    code: 'invalid_value',
    detail,
  });
  const pems = certificates.match(CERTIFICATE) ?? [];
  if (!pems.every(isCertificate)) return [fault('certificates', 'holds a certificate that cannot be read')];
  if (revocationLists === undefined) return [];
  const cas = pems.map((pem) => new X509Certificate(pem));
  const why = revocationFault(cas, revocationLists);
  return why === undefined ? [] : [fault('revocationLists', why)];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    // OpenSSL's words name internals; which field it is says more.
    return false;
  }
}
