import { type KeyObject, X509Certificate } from 'node:crypto';

/** What a certificate says, for people and for comparing. */
export interface CertificateFacts {
  /** DNS names that it is for, in lower case. */
  names: readonly string[];
  subject: string;
  issuer: string;
  /** Upper-case hexadecimal. */
  serial: string;
  /** RFC 3339. */
  notBefore: string;
  /** RFC 3339. */
  notAfter: string;
  /** SHA-1 of the certificate in upper-case hexadecimal: by it HAProxy tells which one it serves. */
  fingerprint: string;
  /** Kind of its key, such as `EC prime256v1` or `RSA 2048`. */
  key: string;
  /** Where its CA tells whether it is revoked (OCSP, by plain HTTP); absent where it does not. */
  ocsp?: string;
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    names: dnsNames(certificate),
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serial: certificate.serialNumber.toUpperCase(),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    fingerprint: certificate.fingerprint.replaceAll(':', '').toUpperCase(),
    key: keyText(certificate.publicKey),
    ...ocspOf(certificate),
  };
}

function ocspOf({ infoAccess = '' }: X509Certificate): { ocsp?: string } {
  const url = /^OCSP - URI:(http:\/\/[\u0021-\u007e]{1,500})$/m.exec(infoAccess)?.[1];
  return url !== undefined && URL.canParse(url) ? { ocsp: url } : {};
}

/** Names in the alternative names of a certificate. What is no plain name stands in quotes there and is left out. */
function dnsNames({ subjectAltName = '' }: X509Certificate): string[] {
  const names = [...subjectAltName.matchAll(/(?:^|, )DNS:([A-Za-z0-9*_.-]+)(?=,|$)/g)];
  return [...new Set(names.map(([, name = '']) => name.toLowerCase().replace(/\.$/, '')))];
}

export function keyText(key: KeyObject): string {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details = {} } = key;
  if (details.namedCurve !== undefined) return `EC ${details.namedCurve}`;
  return details.modulusLength === undefined ? type : `${type.toUpperCase()} ${details.modulusLength}`;
}

/** OpenSSL writes one attribute on a line; a name may hold anything. */
function oneLine(name: string): string {
  return name
    .replaceAll('\n', ', ')
    .replaceAll(/\p{Cc}/gu, '?')
    .slice(0, 500);
}
