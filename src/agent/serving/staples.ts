import { mkdir, readFile, rm } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Bundle } from '../../certificates/bundle.ts';
import { type OcspReport, readOcspReport } from '../../certificates/ocsp.ts';
import { pemBlocks } from '../../certificates/pem.ts';
import type { CaWord } from '../../certificates/revocation.ts';
import { exec } from '../../host/exec.ts';
import { writeFileAtomic } from '../../host/files.ts';

const TIMEOUT_S = 10;
/** HAProxy would warn of one that has ended, and a warning keeps a configuration from being loaded. */
const MARGIN_MS = 5 * 60_000;
const RETRY_MS = 10 * 60_000;
/** A certificate that is revoked is to be replaced soon, and not when half of what the CA said before is over. */
const LONGEST_MS = 60 * 60_000;

/** Fetches what CAs say of certificates that are served (OCSP, RFC 6960), where they still say something. */
export interface Stapler {
  /**
   * The newest word of the CA to pass on, in base64; undefined without a good and valid one. Fetches the next when it is
   * time. That a certificate is revoked is not passed on: it would keep no attacker from leaving it out.
   */
  staple(name: string, bundle: Bundle): string | undefined;
  /** What the CA has said last, good or not; undefined before it has said anything. */
  word(name: string, bundle: Bundle): CaWord | undefined;
  /** Whether something is to be fetched, or has ended, so that {@link Stapler.staple} gives another answer. */
  isDue(): boolean;
  /** Forgets a word that HAProxy may have refused; whether there was one. */
  drop(name: string): boolean;
}

export interface StaplerOptions {
  /** Folder for what is asked and answered; none of it is secret. */
  directory: string;
  clock: Clock;
  logger: Logger;
  /** Called when there is a new word. */
  onChange(): void;
}

interface Staple {
  fingerprint: string;
  /** What the CA said last; undefined before it has. */
  word: CaWord | undefined;
  /** The response to pass on, in base64; undefined when there is none. */
  response: string | undefined;
  /** Milliseconds since the epoch. */
  endsAt: number;
  /** When to ask again, milliseconds since the epoch. */
  askAt: number;
  isAsking: boolean;
}

export function createStapler({ directory, clock, logger, onChange }: StaplerOptions): Stapler {
  const staples = new Map<string, Staple>();

  const ask = async (name: string, bundle: Bundle, staple: Staple) => {
    try {
      const { response, ...word } = await fetchWord(directory, name, bundle, clock.now());
      const { saidAt, nextUpdate = 0, revocation } = word;
      // HAProxy takes none without an end.
      const passedOn = revocation || nextUpdate === 0 ? undefined : response;
      const isNew = passedOn !== staple.response || revocation !== undefined;
      Object.assign(staple, { word, response: passedOn, endsAt: nextUpdate });
      staple.askAt = askAgainAt(saidAt, nextUpdate, clock.now());
      if (isNew) onChange();
    } catch (error) {
      staple.askAt = clock.now() + RETRY_MS;
      logger.warn({ certificate: name, error: messageOf(error) }, 'the CA does not say how a certificate is');
    } finally {
      staple.isAsking = false;
    }
  };

  return {
    staple(name, bundle) {
      if (bundle.ocsp === undefined || pemBlocks(bundle.chain).length < 2) return undefined;
      const now = clock.now();
      const known = staples.get(name);
      const staple = known?.fingerprint === bundle.fingerprint ? known : newStaple(bundle);
      staples.set(name, staple);
      if (now >= staple.askAt && !staple.isAsking) {
        staple.isAsking = true;
        void ask(name, bundle, staple);
      }
      if (staple.endsAt - MARGIN_MS <= now) staple.response = undefined;
      return staple.response;
    },
    word(name, { fingerprint }) {
      const known = staples.get(name);
      return known?.fingerprint === fingerprint ? known.word : undefined;
    },
    isDue() {
      const now = clock.now();
      return [...staples.values()].some(
        ({ askAt, isAsking, response, endsAt }) =>
          (now >= askAt && !isAsking) || (response !== undefined && endsAt - MARGIN_MS <= now),
      );
    },
    drop(name) {
      const staple = staples.get(name);
      if (staple?.response === undefined) return false;
      staple.response = undefined;
      staple.askAt = clock.now() + RETRY_MS;
      return true;
    },
  };
}

function newStaple({ fingerprint }: Bundle): Staple {
  return { fingerprint, word: undefined, response: undefined, endsAt: 0, askAt: 0, isAsking: false };
}

/** When half of the time is over for which the CA has spoken, and sooner for what lives for days. */
function askAgainAt(saidAt: number, nextUpdate: number, now: number): number {
  return Math.max(Math.min((saidAt + nextUpdate) / 2, now + LONGEST_MS), now + RETRY_MS);
}

interface Fetched extends OcspReport {
  /** The response in base64. */
  response: string;
}

async function fetchWord(
  directory: string,
  name: string,
  { chain, ocsp = '' }: Bundle,
  now: number,
): Promise<Fetched> {
  const [leaf, issuer] = pemBlocks(chain);
  const at = (part: string) => `${directory}/${name}.${part}`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFileAtomic(at('leaf'), `${leaf?.text ?? ''}\n`, { durable: false });
  await writeFileAtomic(at('issuer'), `${issuer?.text ?? ''}\n`, { durable: false });
  await rm(at('response'), { force: true });
  const files = ['-issuer', at('issuer'), '-cert', at('leaf'), '-respout', at('response')];
  const trust = ['-CAfile', at('issuer'), '-partial_chain', '-no_nonce'];
  const args = ['ocsp', ...files, ...trust, '-url', ocsp, '-timeout', String(TIMEOUT_S)];
  const { stdout, stderr } = await exec('openssl', args, (TIMEOUT_S + 5) * 1000);
  const report = readOcspReport(stdout, stderr, now);
  if ('fault' in report) throw new Error(`${ocsp}: ${report.fault}`);
  return { ...report, response: (await readFile(at('response'))).toString('base64') };
}
