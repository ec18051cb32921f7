import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { messageOf, systemCode } from '../../../base/errors.ts';
import { printable } from '../../../base/printable.ts';
import type { Finding } from '../../../certificates/reason.ts';
import { certificateId, nextLook, suggestedWindow } from '../../../certificates/renewal-info.ts';
import type { SuggestedWindow } from '../../../certificates/renewal-policy.ts';
import { retryAfterHeader } from '../../../certificates/retry-after.ts';
import { FindingError } from '../finding-error.ts';
import type { AcmeSettings } from '../settings.ts';
import { type JsonAnswer, getJson } from './get-json.ts';

/** What a CA says of itself (RFC 8555, 7.1.1), as far as we go by it. */
const Directory = z.object({
  newOrder: z.url(),
  /** Where to ask when to renew (RFC 9773). */
  renewalInfo: z.url().optional(),
  meta: z
    .object({
      termsOfService: z.string().max(2000).optional(),
      caaIdentities: z.array(z.string().max(253)).max(20).optional(),
      externalAccountRequired: z.boolean().optional(),
    })
    .optional(),
});
export type Directory = z.infer<typeof Directory>;

/** When to renew a certificate, and when to ask the CA about it again. */
export interface RenewalAdvice {
  window?: SuggestedWindow | undefined;
  lookAt: number;
}

/** A CA, as far as it can be asked without an account. */
export interface Authority {
  /** What it says of itself; asked at most once a minute. @throws FindingError */
  directory(): Promise<Directory>;
  /** Its terms as it named them last; undefined before it was asked, or where it names none. */
  terms(): string | undefined;
  /** When the CA wants to be asked for a certificate's successor. @throws FindingError */
  renewalAdvice(chain: string): Promise<RenewalAdvice>;
}

const KEEP_MS = 60_000;
const ADVICE_MS = 24 * 3_600_000;
const TIMEOUT_MS = 20_000;

export function createAuthority(settings: AcmeSettings, clock: Clock): Authority {
  let known: { until: number; directory: Promise<Directory> } | undefined;
  let terms: string | undefined;

  const ask = async (url: string): Promise<JsonAnswer> => {
    try {
      const ca = settings.caBundle === undefined ? undefined : await readFile(settings.caBundle, 'utf8');
      return await getJson(url, { ca, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      throw new FindingError(faultOf(error, url), { cause: error });
    }
  };
  const readDirectory = async (): Promise<Directory> => {
    const answer = await ask(settings.server);
    if (answer.status !== 200) throw new FindingError(refusal(answer, settings.server, clock.now()));
    const read = Directory.safeParse(answer.body);
    if (!read.success)
      throw new FindingError({
        code: 'settings_invalid',
        detail: `${settings.server} (AGENTMETAL_ACME_SERVER) is not the directory of a CA`,
      });
    terms = read.data.meta?.termsOfService;
    return read.data;
  };
  const directory = (): Promise<Directory> => {
    if (!known || known.until <= clock.now())
      known = { until: clock.now() + KEEP_MS, directory: readDirectory() };
    return known.directory;
  };

  return {
    directory,
    terms: () => terms,
    async renewalAdvice(chain) {
      const { renewalInfo } = await directory();
      const id = certificateId(chain);
      if (renewalInfo === undefined || id === undefined) return { lookAt: clock.now() + ADVICE_MS };
      const url = `${renewalInfo.replace(/\/$/, '')}/${id}`;
      const answer = await ask(url);
      if (answer.status !== 200) throw new FindingError(refusal(answer, url, clock.now()));
      return {
        window: suggestedWindow(answer.body),
        lookAt: nextLook(retryAt(answer, clock.now()), clock.now()),
      };
    },
  };
}

function retryAt({ retryAfter }: JsonAnswer, now: number): number | undefined {
  return retryAfter === undefined ? undefined : retryAfterHeader(retryAfter, now);
}

function refusal(answer: JsonAnswer, url: string, now: number): Finding {
  const at = retryAt(answer, now);
  return {
    code: answer.status === 429 ? 'rate_limited' : answer.status >= 500 ? 'ca_error' : 'settings_invalid',
    detail: `${url} answers ${answer.status}`,
    ...(at === undefined ? {} : { retryAt: at }),
  };
}

/** OpenSSL's words for a chain that leads to no root that is trusted, or one that is over. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/;

function faultOf(error: unknown, url: string): Finding {
  const code = systemCode(error) ?? '';
  const { host } = new URL(url);
  const detail = printable(`${host}: ${code || messageOf(error)}`, 300);
  return { code: UNTRUSTED.test(code) ? 'ca_untrusted' : 'ca_unreachable', detail };
}
