import { X509Certificate, createPrivateKey } from 'node:crypto';
import { printable } from '../base/printable.ts';
import { messageOf } from '../base/errors.ts';
import type { Lifetime } from './renewal-policy.ts';

/** What a certificate says of itself. */
export interface IssuedCertificate extends Lifetime {
  /** The names that it is for. */
  names: string[];
  /** The CA's name, as people know it. */
  issuer: string;
  /** Serial number, hexadecimal. */
  serial: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MAX_ISSUER = 120;

/** Reads the first certificate of a PEM text; undefined when there is none that can be read. */
export function readIssued(pem: string): IssuedCertificate | undefined {
  const certificate = leafOf(pem);
  if (!certificate) return undefined;
  return {
    names: namesOf(certificate),
    issuer: issuerOf(certificate),
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
}

/** The first certificate of a PEM text as OpenSSL reads it. */
export function leafOf(pem: string): X509Certificate | undefined {
  const [block] = pem.match(CERTIFICATE) ?? [];
  if (block === undefined) return undefined;
  try {
    return new X509Certificate(block);
  } catch {
    // Not a reason to fail: that it cannot be read is the answer.
    return undefined;
  }
}

/** Why chain and key cannot be used for a name; undefined when they can. */
export function bundleFault(chain: string, key: string, name: string, now: number): string | undefined {
  const certificate = leafOf(chain);
  if (!certificate) return 'the certificate cannot be read';
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'the key is not that of the certificate';
  } catch (error) {
    return `the key cannot be read: ${printable(messageOf(error), MAX_ISSUER)}`;
  }
  const { names, notAfter } = { names: namesOf(certificate), notAfter: Date.parse(certificate.validTo) };
  if (!names.includes(name)) return `it is for ${printable(names.join(', '), MAX_ISSUER)}, not for ${name}`;
  if (!(notAfter > now)) return `it has expired already (${certificate.validTo})`;
  return undefined;
}

function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:'))
    .map((entry) => entry.slice('DNS:'.length).toLowerCase());
}

function issuerOf({ issuer }: X509Certificate): string {
  const part = (key: string) => new RegExp(`^${key}=(.+)$`, 'm').exec(issuer)?.[1];
  const known = [part('O'), part('CN')].filter((text) => text !== undefined);
  return printable(known.join(', ') || issuer, MAX_ISSUER);
}
