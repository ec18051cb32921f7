import { type RuntimeConnection } from './connection.ts';
import { UnexpectedAnswer } from './commands.ts';

/** HAProxy refuses a certificate; what it served before it goes on serving. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused';
  /** Path of the certificate. */
  readonly path: string;
  /** What HAProxy said. */
  readonly said: string;

  constructor(path: string, said: string) {
    super(`HAProxy refuses the certificate ${path}: ${said}`);
    this.path = path;
    this.said = said;
  }
}

/** The longest certificate with key and chain that the runtime API takes: it must fit into one buffer (16 KiB). */
const MAX_PAYLOAD = 15_000;
/** HAProxy's words for what is wrong with a certificate itself. */
const REFUSAL = /unable to load|inconsistencies|must contain at least|no start line|couldn't|can't load/i;

const TRANSACTION = /^Transaction (created|updated) for certificate/;

/** A certificate as HAProxy serves it. */
export interface SeenCertificate {
  /** SHA-1 in upper-case hexadecimal; empty for one without content. */
  fingerprint: string;
  /** Lines of the list that it stands on. */
  lines: { number: number; hosts: readonly string[] }[];
}

/** What a certificate's path holds. */
export interface CertificateContent {
  /** PEM: the chain, then the key. */
  pem: string;
  /** What its CA says of it (OCSP response in base64). */
  staple?: string | undefined;
}

/** Puts a certificate in the place of what the path holds (management guide, `set ssl cert`). */
export async function replaceCertificate(
  runtime: RuntimeConnection,
  path: string,
  { pem, staple }: CertificateContent,
): Promise<void> {
  if (pem.length > MAX_PAYLOAD)
    throw new UnexpectedAnswer(`the certificate ${path} is longer than what HAProxy takes at run time`);
  const name = escapePath(path);
  try {
    await expect(runtime, `set ssl cert ${name}`, TRANSACTION, pem);
    if (staple !== undefined) await expect(runtime, `set ssl cert ${name}.ocsp`, TRANSACTION, `${staple}\n`);
    await expect(runtime, `commit ssl cert ${name}`, /Success!$/);
  } catch (error) {
    // A transaction that stays open would stand in the way of all others.
    if (error instanceof UnexpectedAnswer) await runtime.send(`abort ssl cert ${name}`);
    if (error instanceof UnexpectedAnswer && REFUSAL.test(error.message))
      throw new CertificateRefused(path, error.message.slice(0, 500));
    throw error;
  }
}

/** Adds a certificate that no line of the list names yet. */
export async function addCertificate(
  runtime: RuntimeConnection,
  path: string,
  content: CertificateContent,
): Promise<void> {
  const name = escapePath(path);
  // One that an interrupted change left behind is as good as a new one.
  await expect(runtime, `new ssl cert ${name}`, /^New empty certificate store|already exists/);
  try {
    await replaceCertificate(runtime, path, content);
  } catch (error) {
    await runtime.send(`del ssl cert ${name}`);
    throw error;
  }
}

/** Adds a line to the list of certificates. */
export async function addLine(runtime: RuntimeConnection, list: string, line: string): Promise<void> {
  await expect(runtime, `add ssl crt-list ${escapePath(list)}`, /Success!$/, line);
}

/** Deletes a line of the list; the certificate stays loaded. */
export async function deleteLine(
  runtime: RuntimeConnection,
  list: string,
  path: string,
  number: number,
): Promise<void> {
  const command = `del ssl crt-list ${escapePath(list)} ${escapePath(`${path}:${number}`)}`;
  await expect(runtime, command, /^Entry .* deleted in crtlist/);
}

/** Deletes a certificate that no line names any more. */
export async function deleteCertificate(runtime: RuntimeConnection, path: string): Promise<void> {
  await expect(runtime, `del ssl cert ${escapePath(path)}`, /^Certificate .* deleted!$/);
}

/** What HAProxy serves by the list, by path. */
export async function readCertificates(
  runtime: RuntimeConnection,
  list: string,
): Promise<Map<string, SeenCertificate>> {
  const text = await runtime.send(`show ssl crt-list -n ${escapePath(list)}`);
  const seen = parseList(text);
  const answers = await Promise.all(
    [...seen.keys()].map((path) => runtime.send(`show ssl cert ${escapePath(path)}`)),
  );
  for (const [index, certificate] of [...seen.values()].entries())
    certificate.fingerprint = /^SHA1 FingerPrint: ([0-9A-F]+)/m.exec(answers[index] ?? '')?.[1] ?? '';
  return seen;
}

/** A path, the number of its line and, after options in brackets, the names that it is for. */
const LINE = /^(?<path>\/.*?):(?<number>\d+)(?: \[[^\]]*\])?(?: (?<hosts>[^ /].*))?$/;

function parseList(text: string): Map<string, SeenCertificate> {
  const seen = new Map<string, SeenCertificate>();
  for (const line of text.split('\n')) {
    const { path, number, hosts = '' } = LINE.exec(line.trimEnd())?.groups ?? {};
    if (path === undefined) continue;
    const certificate = seen.get(path) ?? { fingerprint: '', lines: [] };
    certificate.lines.push({ number: Number(number), hosts: hosts.split(' ').filter(Boolean) });
    seen.set(path, certificate);
  }
  return seen;
}

async function expect(
  runtime: RuntimeConnection,
  command: string,
  wanted: RegExp,
  payload?: string,
): Promise<void> {
  const answer = await runtime.send(command, payload);
  if (!wanted.test(answer))
    throw new UnexpectedAnswer(`HAProxy answered ${JSON.stringify(answer.slice(0, 300))} to "${command}"`);
}

function escapePath(path: string): string {
  return path.replaceAll(/[\\ ]/g, (character) => `\\${character}`);
}
