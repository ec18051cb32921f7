import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import { orderChain } from './chain.ts';
import { type CertificateFacts, certificateFacts } from './facts.ts';
import { pemBlocks } from './pem.ts';
import { weakKey, weakSignature } from './strength.ts';

/** A chain and its key as they came. */
export interface BundleInput {
  /** PEM: the certificate and those between it and the CA, in any order. */
  certificate: string;
  /** PEM of the private key, without a passphrase. */
  privateKey: string;
}

/** A chain and its key that can be served. */
export interface Bundle extends CertificateFacts {
  /** PEM: the certificate first, then each one's issuer; no empty line. */
  chain: string;
  /** PEM of the key in PKCS #8; no empty line. */
  privateKey: string;
}

/** Why a chain and key cannot be served. */
export interface BundleFault {
  field: keyof BundleInput;
  /** Stable word for the kind of fault. */
  code: string;
  /** What is wrong and what to do, in words. */
  detail: string;
}

export type ReadBundle =
  | { ok: true; bundle: Bundle; warnings: string[] }
  | { ok: false; faults: BundleFault[] };

const MAX_CERTIFICATE_TEXT = 131_072;
const MAX_KEY_TEXT = 32_768;
const MAX_CERTIFICATES = 10;
/** HAProxy tells of a certificate in one buffer of 16 KiB; one that it cannot tell of could not be verified. */
const MAX_NAMES_TEXT = 12_000;
/** serverAuth and anyExtendedKeyUsage (RFC 5280, section 4.2.1.12). */
const FOR_SERVERS = new Set(['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']);

/**
 * Reads a chain and key from whoever sent them, and checks all that HAProxy or a client would stumble over.
 * @param now milliseconds since the epoch; undefined when dates do not count, as for what is served already.
 */
export function readBundle(input: BundleInput, now: number | undefined): ReadBundle {
  const certificates = readCertificates(input.certificate);
  const key = readKey(input.privateKey);
  const faults = [certificates, key].flatMap((read) => ('fault' in read ? [read.fault] : []));
  if ('fault' in certificates || 'fault' in key) return { ok: false, faults };
  const ordered = orderChain(certificates.list, key.key);
  if ('fault' in ordered) return { ok: false, faults: [ordered.fault] };
  const judged = [
    ...leafFaults(ordered.chain, key.key),
    ...(now === undefined ? [] : dateFaults(ordered.chain, now)),
  ];
  if (judged.length > 0) return { ok: false, faults: judged };
  const [leaf] = ordered.chain;
  const bundle = {
    ...certificateFacts(leaf),
    chain: ordered.chain.map((certificate) => tidy(certificate.toString())).join(''),
    privateKey: tidy(key.key.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
  return { ok: true, bundle, warnings: ordered.warnings };
}

/** A bundle as one file has it: the chain, then the key. */
export function splitBundle(text: string): BundleInput {
  const blocks = pemBlocks(text.slice(0, MAX_CERTIFICATE_TEXT + MAX_KEY_TEXT));
  const isKey = ({ label }: { label: string }) => label.endsWith('PRIVATE KEY');
  return {
    certificate: blocks
      .filter((block) => !isKey(block))
      .map(({ text }) => text)
      .join('\n'),
    privateKey: blocks
      .filter(isKey)
      .map(({ text }) => text)
      .join('\n'),
  };
}

/** A bundle as HAProxy takes it; by the runtime API an empty line would end it. */
export function bundleText({ chain, privateKey }: Pick<Bundle, 'chain' | 'privateKey'>): string {
  return chain + privateKey;
}

type Read<T> = T | { fault: BundleFault };

function fault(field: BundleFault['field'], code: string, detail: string): { fault: BundleFault } {
  return { fault: { field, code, detail } };
}

function readCertificates(text: string): Read<{ list: X509Certificate[] }> {
  const refuse = (code: string, detail: string) => fault('certificate', code, detail);
  if (text.length > MAX_CERTIFICATE_TEXT)
    return refuse('too_big', `must be at most ${MAX_CERTIFICATE_TEXT} characters`);
  const blocks = pemBlocks(text);
  if (blocks.some(({ label }) => label.endsWith('PRIVATE KEY')))
    return refuse('invalid_value', 'holds a private key, which belongs into privateKey');
  const other = blocks.find(({ label }) => !['CERTIFICATE', 'X509 CERTIFICATE'].includes(label));
  if (other) return refuse('invalid_value', `holds a ${other.label.slice(0, 40)}, which is no certificate`);
  if (blocks.length === 0) return refuse('invalid_value', 'must be one or several certificates in PEM');
  if (blocks.length > MAX_CERTIFICATES)
    return refuse('too_big', `must be at most ${MAX_CERTIFICATES} certificates, not ${blocks.length}`);
  const list: X509Certificate[] = [];
  for (const [index, { text: pem }] of blocks.entries()) {
    try {
      list.push(new X509Certificate(pem.replace('X509 CERTIFICATE', 'CERTIFICATE')));
    } catch {
      // OpenSSL's words name internals; which one it is says more.
      return refuse('invalid_value', `its certificate number ${index + 1} cannot be read`);
    }
  }
  return { list };
}

function readKey(text: string): Read<{ key: KeyObject }> {
  const refuse = (code: string, detail: string) => fault('privateKey', code, detail);
  if (text.length > MAX_KEY_TEXT) return refuse('too_big', `must be at most ${MAX_KEY_TEXT} characters`);
  const blocks = pemBlocks(text).filter(({ label }) => label !== 'EC PARAMETERS');
  const [block] = blocks;
  if (!block || blocks.length > 1 || !block.label.endsWith('PRIVATE KEY'))
    return refuse('invalid_value', 'must be one private key in PEM');
  if (/ENCRYPTED/.test(block.text.slice(0, 200)))
    return refuse(
      'encrypted_key',
      'has a passphrase, which a load balancer cannot be asked for; take it off: openssl pkey -in KEY -out PLAIN-KEY',
    );
  try {
    return { key: createPrivateKey(block.text) };
  } catch (error) {
    // OpenSSL's words tell nothing of the key itself.
    return refuse('invalid_value', `cannot be read as a private key (${messageOf(error).slice(0, 80)})`);
  }
}

function leafFaults([leaf, ...issuers]: readonly [X509Certificate, ...X509Certificate[]], key: KeyObject) {
  const faults: BundleFault[] = [];
  const add = (field: BundleFault['field'], code: string, detail: string) =>
    faults.push({ field, code, detail });
  const keyFault = weakKey(key);
  if (keyFault !== undefined) add('privateKey', 'weak_key', keyFault);
  for (const certificate of [leaf, ...issuers]) {
    const why = weakSignature(certificate);
    if (why !== undefined) add('certificate', 'weak_signature', why);
  }
  for (const issuer of issuers) {
    const why = weakKey(issuer.publicKey);
    if (why !== undefined) add('certificate', 'weak_key', `the key of an issuer ${why}`);
  }
  if ((leaf.subjectAltName ?? '').length > MAX_NAMES_TEXT)
    add(
      'certificate',
      'too_many_names',
      `is for more names than can be served (${MAX_NAMES_TEXT} characters)`,
    );
  if (!/(?:^|, )(DNS|IP Address):/.test(leaf.subjectAltName ?? ''))
    add(
      'certificate',
      'no_names',
      'is for no name: clients go by the subject alternative names (subjectAltName), and there are none',
    );
  if (leaf.keyUsage && !leaf.keyUsage.some((usage) => FOR_SERVERS.has(usage)))
    add('certificate', 'not_for_servers', 'is not for servers: its extended key usage lacks serverAuth');
  return faults;
}

function dateFaults(chain: readonly X509Certificate[], now: number): BundleFault[] {
  return chain.flatMap((certificate, index) => {
    const what = index === 0 ? '' : `its certificate number ${index + 1} `;
    const field = 'certificate' as const;
    if (certificate.validToDate.getTime() <= now)
      return [{ field, code: 'expired', detail: `${what}ended at ${certificate.validToDate.toISOString()}` }];
    if (certificate.validFromDate.getTime() > now)
      return [
        {
          field,
          code: 'not_yet_valid',
          detail: `${what}begins at ${certificate.validFromDate.toISOString()} only`,
        },
      ];
    return [];
  });
}

function tidy(pem: string): string {
  return `${pem.trim().replaceAll(/\r?\n\s*/g, '\n')}\n`;
}
