import { readFile } from 'node:fs/promises';
import type { DesiredLoadBalancer } from '../../api/agent.ts';
import { messageOf } from '../../base/errors.ts';
import { type Bundle, bundleText, readBundle, splitBundle } from '../../certificates/bundle.ts';
import type { Revocation } from '../../certificates/revocation.ts';
import { certificatePath } from '../../haproxy/config/certificates.ts';
import type { ServedCertificate, ServiceModel } from '../../haproxy/model.ts';
import { readTextIfExists } from '../../host/files.ts';
import type { HostLayout } from '../../spec/host-layout.ts';
import { digestOf } from './disk.ts';
import type { Stapler } from './staples.ts';
import type { CertificateSource } from './source.ts';

/** A certificate that there is for a load balancer, and what became of it. */
export interface Offered {
  source: 'uploaded' | 'acme';
  /** Name that it was uploaded or obtained by. */
  name: string;
  /** Name of its file. */
  file: string;
  /** The domains that it is for. */
  domains: readonly string[];
  /** What is served of it: itself, or the one before where it cannot be; undefined for neither. */
  served: Bundle | undefined;
  /** Why it is not served itself, in words. */
  fault: string | undefined;
  /** That its CA has revoked what is served of it; undefined while it has not said so. */
  revocation?: Revocation | undefined;
}

/** Keeps account of which certificates one load balancer has and which of them can be served. */
export interface CertificateKeeper {
  /** Says that there may be others than at the last look. */
  touch(): void;
  isTouched(): boolean;
  /** Looks which there are, and answers those to serve, in the order of their rank. */
  look(desired: DesiredLoadBalancer): Promise<ServedCertificate[]>;
  /** Notes that HAProxy refused the certificate of that path; whether that says something new. */
  refuse(path: string, said: string): Promise<boolean>;
  /** What the last look found. */
  offered(): readonly Offered[];
}

interface Offer {
  source: Offered['source'];
  name: string;
  file: string;
  domains: readonly string[] | undefined;
  text: string;
}

export interface CertificateKeeperOptions {
  id: string;
  layout: HostLayout;
  /** Where the certificates of domains come from, if from anywhere. */
  source: CertificateSource | undefined;
  stapler: Stapler;
}

export function createCertificateKeeper({
  id,
  layout,
  source,
  stapler,
}: CertificateKeeperOptions): CertificateKeeper {
  let found: readonly Offered[] = [];
  let offers: readonly Offer[] = [];
  let isTouched = true;
  /** By file: what HAProxy said of a content. */
  const refused = new Map<string, { digest: string; said: string }>();
  const place: Pick<ServiceModel, 'id' | 'layout'> = { id, layout };
  const judge = createJudge();

  const select = async (offer: Offer): Promise<Offered> => {
    const { source: from, name, file, domains } = offer;
    const judged = judge(file, offer.text);
    const refusal = refused.get(file);
    const said = refusal?.digest === digestOf(offer.text) ? refusal.said : undefined;
    const fault = said ?? judged.fault;
    const served = fault === undefined ? judged.bundle : await lastGood(place, file);
    return { source: from, name, file, domains: domains ?? served?.names ?? [], served, fault };
  };

  /** What is known of its CA; that is told to what obtains certificates. */
  const withWord = (offered: Offered): Offered => {
    const { source: from, name, file, served } = offered;
    const word = served && stapler.word(file, served);
    if (!word) return offered;
    if (from === 'acme') source?.hear(name, served.serial, word);
    return { ...offered, revocation: word.revocation };
  };

  return {
    touch: () => void (isTouched = true),
    isTouched: () => isTouched || stapler.isDue(),
    async look(desired) {
      isTouched = false;
      offers = [...(await uploadedOffers(desired, place)), ...(await obtainedOffers(desired.id, source))];
      found = (await Promise.all(offers.map(select))).map(withWord);
      return found.flatMap((offered) => servedCertificate(offered, stapler) ?? []);
    },
    async refuse(path, said) {
      const offer = offers.find(({ file }) => certificatePath(place, `${file}.pem`) === path);
      if (!offer) return false;
      // It may be for what its CA says of it alone.
      if (stapler.drop(offer.file)) return (isTouched = true);
      const digest = digestOf(offer.text);
      if (refused.get(offer.file)?.digest === digest) return false;
      refused.set(offer.file, { digest, said });
      isTouched = true;
      const serial = judge(offer.file, offer.text).bundle?.serial;
      if (offer.source === 'acme' && serial !== undefined) await source?.refuse(offer.name, serial, said);
      return true;
    },
    offered: () => found,
  };
}

function servedCertificate(
  { file, domains, served }: Offered,
  stapler: Stapler,
): ServedCertificate | undefined {
  if (!served) return undefined;
  const staple = stapler.staple(file, served);
  return { name: file, hosts: domains, fingerprint: served.fingerprint, pem: bundleText(served), staple };
}

/** The certificate that the spec names. While it does not come along, the one that came before is served on. */
async function uploadedOffers(
  { spec, certificate }: DesiredLoadBalancer,
  place: Pick<ServiceModel, 'id' | 'layout'>,
): Promise<Offer[]> {
  const name = spec.tls?.certificate;
  if (name === undefined) return [];
  const file = `uploaded-${name}`;
  const text =
    certificate?.name === name
      ? certificate.pem
      : await readTextIfExists(certificatePath(place, `${file}.pem`));
  return text === undefined ? [] : [{ source: 'uploaded', name, file, domains: undefined, text }];
}

async function obtainedOffers(id: string, source: CertificateSource | undefined): Promise<Offer[]> {
  return Promise.all(
    (source?.obtained(id) ?? []).map(async ({ name, domains, bundlePath }) => ({
      source: 'acme' as const,
      name,
      file: `acme-${name
        .toLowerCase()
        .replace(/^\*/, '_wildcard')
        .replaceAll(/[^a-z0-9._-]/g, '_')}`,
      domains,
      text: await readFile(bundlePath, 'utf8').catch((error: unknown) => messageOf(error)),
    })),
  );
}

interface Judged {
  bundle: Bundle | undefined;
  fault: string | undefined;
}

/** Judges what a file is to hold; what has been judged once is not read again. */
function createJudge(): (file: string, text: string) => Judged {
  const known = new Map<string, { text: string; judged: Judged }>();
  return (file, text) => {
    const present = known.get(file);
    if (present?.text === text) return present.judged;
    const judged = judgeBundle(text);
    known.set(file, { text, judged });
    return judged;
  };
}

/** Dates do not count: an expired certificate is better than none. */
function judgeBundle(text: string): Judged {
  const read = readBundle(splitBundle(text), undefined);
  if (read.ok) return { bundle: read.bundle, fault: undefined };
  const fault = read.faults.map(({ field, detail }) => `the ${WORDS[field]} ${detail}`).join('; ');
  return { bundle: undefined, fault };
}

const WORDS = { certificate: 'certificate', privateKey: 'private key' } as const;

/** What was served under the name before. */
async function lastGood(
  place: Pick<ServiceModel, 'id' | 'layout'>,
  file: string,
): Promise<Bundle | undefined> {
  const text = await readTextIfExists(certificatePath(place, `${file}.pem`));
  return text === undefined ? undefined : judgeBundle(text).bundle;
}
