import { X509Certificate } from 'node:crypto';
import type { FieldError } from '../../base/errors.ts';
import { memoized } from '../../base/memo.ts';
import { jsonPointer } from '../../base/pointer.ts';
import type { Backend } from '../../spec/backend.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { poolPath, poolsOf } from '../../spec/pools-of.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The CAs of backends that are certificates in form alone: HAProxy would refuse the whole configuration. */
export function certificateErrors(spec: LoadBalancerSpec): FieldError[] {
  const known = new Map<string, boolean>();
  const isReadable = (ca: string) => {
    const readable = known.get(ca) ?? (ca.match(CERTIFICATE) ?? []).every(isCertificate);
    known.set(ca, readable);
    return readable;
  };
  return poolsOf(spec).flatMap(([pool, { backends }]) => {
    if (!haveCas(backends)) return [];
    return backends.flatMap(({ tls }, index) => {
      if (tls?.ca === undefined || isReadable(tls.ca)) return [];
      const pointer = jsonPointer([...poolPath(pool), 'backends', index, 'tls', 'ca']);
      return [{ pointer, code: 'invalid_value', detail: 'holds a certificate that cannot be read' }];
    });
  });
}

const haveCas = memoized((backends: readonly Backend[]) => backends.some(({ tls }) => tls?.ca !== undefined));

export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    // OpenSSL's words name internals; which field it is says more.
    return false;
  }
}
