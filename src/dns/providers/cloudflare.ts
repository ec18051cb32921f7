import { z } from 'zod';
import type { Cloudflare } from '../../spec/dns-zone.ts';
import { type KeptRecord, type NewRecord, recordEdits } from '../edits.ts';
import {
  DnsFault,
  type DnsProvider,
  type ProviderContext,
  RECORD_TYPES,
  type RecordSet,
} from '../provider.ts';
import {
  canonicalName,
  canonicalValue,
  groupRecords,
  namesOf,
  quoteText,
  requireAsRead,
  unquoteText,
} from '../records.ts';
import { createJsonApi } from './http.ts';

const API = 'https://api.cloudflare.com/client/v4';
const WHO = 'Cloudflare';
const PAGE = '100';
/** Codes with which Cloudflare answers 400 to a token that it does not know. */
const BAD_TOKEN = new Set([6003, 6111, 9109, 10000]);
/** Codes for a record that is there already, or that may not stand beside one that is. */
const IN_THE_WAY = new Set([81053, 81054, 81056, 81057, 81058]);

const Zones = z.object({ result: z.array(z.object({ id: z.string(), name: z.string() })) });
const Records = z.object({
  result: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      type: z.string(),
      ttl: z.number(),
      /** Some types have other fields instead. */
      content: z.string().optional(),
    }),
  ),
  result_info: z.object({ total_pages: z.number() }).optional(),
});
const Failure = z.object({ errors: z.array(z.object({ code: z.number(), message: z.string() })) });

type Kept = KeptRecord & { type: RecordSet['type'] };

/** A zone at Cloudflare. A change is one batch, which Cloudflare makes as a whole or not at all. */
export function createCloudflareProvider(
  zone: string,
  { apiToken, apiUrl = API }: z.output<typeof Cloudflare>,
  { signal }: ProviderContext,
): DnsProvider {
  const api = createJsonApi({
    who: WHO,
    url: apiUrl,
    headers: { authorization: `Bearer ${apiToken}` },
    signal,
    reason: (body) =>
      errorsOf(body)
        .map(({ code, message }) => `${message} (${code})`)
        .join('; '),
    kindOf: (_status, body) => kindOf(errorsOf(body).map(({ code }) => code)),
  });
  let known: string | undefined;
  const zoneId = async (): Promise<string> => {
    if (known !== undefined) return known;
    const { result } = await api({ method: 'GET', path: '/zones', query: { name: zone } }, Zones);
    known = result.find(({ name }) => name === zone)?.id;
    if (known !== undefined) return known;
    throw new DnsFault('no_zone', `${WHO} has no zone ${zone} that the API token may see`);
  };
  const recordsPath = async () => `/zones/${encodeURIComponent(await zoneId())}/dns_records`;
  const keptOf = async (name: string): Promise<Kept[]> => {
    const path = await recordsPath();
    const kept: Kept[] = [];
    for (let page = 1, pages = 1; page <= pages; page++) {
      const query = { 'name.exact': name, per_page: PAGE, page: String(page) };
      const { result, result_info: info } = await api({ method: 'GET', path, query }, Records);
      kept.push(...result.flatMap(fromApi));
      pages = info?.total_pages ?? 1;
    }
    return kept.filter((record) => record.name === name);
  };
  const readAll = async (names: readonly string[]) => (await Promise.all(names.map(keptOf))).flat();
  const batch = async (gone: readonly KeptRecord[], made: readonly NewRecord[]) => {
    if (gone.length + made.length === 0) return;
    const body = { deletes: gone.map(({ id }) => ({ id })), posts: made.map(toApi) };
    await api({ method: 'POST', path: `${await recordsPath()}/batch`, body }, z.unknown());
  };
  return {
    check: async () => void (await zoneId()),
    read: async (names) => groupRecords(await readAll(names)),
    async change(change) {
      const kept = await readAll(namesOf(change));
      requireAsRead(groupRecords(kept), change);
      const { gone, made } = recordEdits(change, kept);
      await batch(gone, made);
    },
    async addText({ name, value, ttl }) {
      if ((await keptOf(name)).some((record) => isText(record, value))) return;
      await batch([], [{ name, type: 'TXT', ttl, value }]);
    },
    async removeText({ name, value }) {
      const texts = (await keptOf(name)).filter((record) => isText(record, value));
      await batch(texts, []);
    },
  };
}

function isText(record: KeptRecord, value: string): boolean {
  return record.type === 'TXT' && record.value === value;
}

function fromApi({ id, name, type, ttl, content }: z.output<typeof Records>['result'][number]): Kept[] {
  const known = RECORD_TYPES.find((candidate) => candidate === type);
  if (!known || content === undefined) return [];
  const text = known === 'TXT' ? unquoteText(content) : content;
  return [{ id, name: canonicalName(name), type: known, ttl, value: canonicalValue(known, text) }];
}

function toApi({ name, type, ttl, value }: NewRecord): object {
  const content = type === 'TXT' ? quoteText(value) : value;
  return { name, type, ttl, content, ...(type === 'TXT' ? {} : { proxied: false }) };
}

function errorsOf(body: unknown): z.output<typeof Failure>['errors'] {
  return Failure.safeParse(body).data?.errors ?? [];
}

function kindOf(codes: readonly number[]): DnsFault['kind'] | undefined {
  if (codes.some((code) => BAD_TOKEN.has(code))) return 'refused';
  return codes.some((code) => IN_THE_WAY.has(code)) ? 'conflict' : undefined;
}
