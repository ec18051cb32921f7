import { APIConnectionError, APIError, APIUserAbortError } from 'cloudflare/error';
import { BaseRecords, type RecordBatchParams } from 'cloudflare/resources/dns/records';
import { BaseZones } from 'cloudflare/resources/zones/zones';
import { createClient } from 'cloudflare/tree-shakable';
import type { z } from 'zod';
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
import { unreachable, usualKind } from './http.ts';

const WHO = 'Cloudflare';
const TIMEOUT_MS = 10_000;
const PAGE = 100;
/** Codes with which Cloudflare answers 400 to a token that it does not know. */
const BAD_TOKEN = new Set([6003, 6111, 9109, 10000]);
/** Codes for a record that is there already, or that may not stand beside one that is. */
const IN_THE_WAY = new Set([81053, 81054, 81056, 81057, 81058]);

type Kept = KeptRecord & { type: RecordSet['type'] };

/** A zone at Cloudflare. A change is one batch, which Cloudflare makes as a whole or not at all. */
export function createCloudflareProvider(
  zone: string,
  { apiToken, apiUrl }: z.output<typeof Cloudflare>,
  { signal }: ProviderContext,
): DnsProvider {
  const client = createClient({
    resources: [BaseRecords, BaseZones],
    apiToken,
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    baseURL: apiUrl,
    timeout: TIMEOUT_MS,
    // Whoever calls tries again by itself, and must know how often.
    maxRetries: 0,
    logLevel: 'off',
  });
  let known: string | undefined;
  const zoneId = async (): Promise<string> => {
    if (known !== undefined) return known;
    const { result } = await client.zones.list({ name: zone }, { signal });
    known = result.find(({ name }) => name === zone)?.id;
    if (known !== undefined) return known;
    throw new DnsFault('no_zone', `${WHO} has no zone ${zone} that the API token may see`);
  };
  const keptOf = async (name: string): Promise<Kept[]> => {
    const kept: Kept[] = [];
    const query = { zone_id: await zoneId(), name: { exact: name }, per_page: PAGE };
    for await (const record of client.dns.records.list(query, { signal })) {
      const type = RECORD_TYPES.find((candidate) => candidate === record.type);
      const value = 'content' in record ? record.content : undefined;
      if (!type || value === undefined) continue;
      const text = type === 'TXT' ? unquoteText(value) : value;
      const entry = { id: record.id, name: canonicalName(record.name), type, ttl: record.ttl };
      kept.push({ ...entry, value: canonicalValue(type, text) });
    }
    return kept.filter((record) => record.name === name);
  };
  const readAll = async (names: readonly string[]) => (await Promise.all(names.map(keptOf))).flat();
  const batch = async (gone: readonly KeptRecord[], made: readonly NewRecord[]) => {
    if (gone.length + made.length === 0) return;
    const deletes = gone.map(({ id }) => ({ id }));
    const changes = { deletes, posts: made.map(toApi) };
    await client.dns.records.batch({ zone_id: await zoneId(), ...changes }, { signal });
  };
  return {
    check: () => asFault(async () => void (await zoneId())),
    read: (names) => asFault(async () => groupRecords(await readAll(names))),
    change: (change) =>
      asFault(async () => {
        const kept = await readAll(namesOf(change));
        requireAsRead(groupRecords(kept), change);
        const { gone, made } = recordEdits(change, kept);
        await batch(gone, made);
      }),
    addText: ({ name, value, ttl }) =>
      asFault(async () => {
        const kept = await keptOf(name);
        if (!kept.some((record) => isText(record, value))) {
          await batch([], [{ name, type: 'TXT', ttl, value }]);
        }
      }),
    removeText: ({ name, value }) =>
      asFault(async () => {
        const kept = await keptOf(name);
        await batch(
          kept.filter((record) => isText(record, value)),
          [],
        );
      }),
  };
}

function isText(record: KeptRecord, value: string): boolean {
  return record.type === 'TXT' && record.value === value;
}

type Post = NonNullable<RecordBatchParams['posts']>[number];

function toApi({ name, type, ttl, value }: NewRecord): Post {
  const content = type === 'TXT' ? quoteText(value) : value;
  return { name, type, ttl, content, ...(type === 'TXT' ? {} : { proxied: false }) };
}

async function asFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof APIConnectionError || error instanceof APIUserAbortError)
      throw unreachable(WHO, error);
    if (!(error instanceof APIError)) throw error;
    throw toFault(error);
  }
}

function toFault(error: APIError): DnsFault {
  const words = error.errors
    .map(({ code, message }) => `${message ?? 'no reason'} (${code ?? 0})`)
    .join('; ');
  const has = (codes: ReadonlySet<number>) => error.errors.some(({ code }) => codes.has(code ?? 0));
  const status = error.status ?? 0;
  const kind = has(BAD_TOKEN) ? 'refused' : has(IN_THE_WAY) ? 'conflict' : usualKind(status);
  return new DnsFault(kind, `${WHO} answered ${status}${words === '' ? '' : `: ${words}`}`, error);
}
