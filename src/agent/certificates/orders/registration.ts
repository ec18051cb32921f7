import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import type { Finding, ReasonCode } from '../../../certificates/reason.ts';
import { nextOrder } from '../../../certificates/renewal-policy.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import { FindingError, findingOf } from '../finding-error.ts';
import type { AcmeSettings } from '../settings.ts';

/** CAs count attempts to make an account; this keeps them apart, over restarts too. */
export interface RegistrationBackoff {
  /** @throws FindingError when it is not time yet, or as `work` does */
  run<T>(work: () => Promise<T>): Promise<T>;
}

interface Refusal {
  failures: number;
  until: number;
  finding: Finding;
  /** With which settings it was tried; other ones are tried at once. */
  settings: string;
}

/** Failures that no CA has counted. */
const UNCOUNTED = new Set<ReasonCode>([
  'disk_full',
  'not_writable',
  'certbot_missing',
  'ca_unreachable',
  'ca_untrusted',
  'eab_required',
]);

/** @param file where the last failure is kept */
export function createRegistrationBackoff(
  file: string,
  settings: AcmeSettings,
  clock: Clock,
  random: () => number,
): RegistrationBackoff {
  const read = async (): Promise<Refusal | undefined> => {
    const text = await readTextIfExists(file);
    return text === undefined || text === '' ? undefined : (JSON.parse(text) as Refusal);
  };
  return {
    async run(work) {
      const mark = await markOf(settings);
      const before = await read();
      const last = before?.settings === mark ? before : undefined;
      if (last && last.until > clock.now()) throw new FindingError({ ...last.finding, retryAt: last.until });
      try {
        return await work();
      } catch (error) {
        const finding = findingOf(error);
        if (UNCOUNTED.has(finding.code)) throw error;
        const failures = (last?.failures ?? 0) + 1;
        const until = nextOrder({ count: failures, retryAt: finding.retryAt }, clock.now(), random());
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        await writeFileAtomic(file, JSON.stringify({ failures, until, finding, settings: mark }));
        throw new FindingError({ ...finding, retryAt: until }, { cause: error });
      }
    },
  };
}

/** What tells one try from another: the operator may have set something right. */
async function markOf({ email, eab, caBundle }: AcmeSettings): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([email, eab?.kid, caBundle]));
  if (eab) hash.update((await readTextIfExists(eab.hmacKeyFile)) ?? '');
  return hash.digest('hex').slice(0, 16);
}
