import { z } from 'zod';
import type { DigitalOcean } from '../../spec/dns-zone.ts';
import { type KeptRecord, type NewRecord, recordEdits } from '../edits.ts';
import { type DnsProvider, type ProviderContext, RECORD_TYPES, type RecordSet } from '../provider.ts';
import {
  absoluteName,
  canonicalValue,
  groupRecords,
  namesOf,
  relativeName,
  requireAsRead,
} from '../records.ts';
import { createJsonApi } from './http.ts';

const API = 'https://api.digitalocean.com';
const PAGE = '200';

const Listed = z.object({
  domain_records: z.array(
    z.object({ id: z.number(), type: z.string(), name: z.string(), data: z.string(), ttl: z.number() }),
  ),
});
const Failure = z.object({ message: z.string() });

type Kept = KeptRecord & { type: RecordSet['type'] };

/** A domain of DigitalOcean. Records are deleted and made one after another, in the order of the change. */
export function createDigitalOceanProvider(
  zone: string,
  { apiToken, apiUrl = API }: z.output<typeof DigitalOcean>,
  { signal }: ProviderContext,
): DnsProvider {
  const api = createJsonApi({
    who: 'DigitalOcean',
    url: `${apiUrl}/v2/domains/${encodeURIComponent(zone)}`,
    headers: { authorization: `Bearer ${apiToken}` },
    signal,
    reason: (body) => Failure.safeParse(body).data?.message,
  });
  const keptOf = async (name: string): Promise<Kept[]> => {
    const { domain_records } = await api(
      { method: 'GET', path: '/records', query: { name, per_page: PAGE } },
      Listed,
    );
    return domain_records
      .flatMap(({ id, type, name: relative, data, ttl }) => {
        const known = RECORD_TYPES.find((candidate) => candidate === type);
        if (!known) return [];
        const value = canonicalValue(known, data);
        return [{ id: String(id), name: absoluteName(relative, zone), type: known, ttl, value }];
      })
      .filter((record) => record.name === name);
  };
  const readAll = async (names: readonly string[]) => (await Promise.all(names.map(keptOf))).flat();
  const remove = async ({ id }: KeptRecord) => {
    await api({ method: 'DELETE', path: `/records/${encodeURIComponent(id)}` }, z.unknown());
  };
  const make = async ({ name, type, ttl, value }: NewRecord) => {
    const data = type === 'CNAME' ? `${value}.` : value;
    const body = { type, name: relativeName(name, zone), data, ttl };
    await api({ method: 'POST', path: '/records', body }, z.unknown());
  };
  return {
    async check() {
      await api({ method: 'GET', path: '' }, z.object({ domain: z.object({ name: z.string() }) }));
    },
    read: async (names) => groupRecords(await readAll(names)),
    async change(change) {
      const kept = await readAll(namesOf(change));
      requireAsRead(groupRecords(kept), change);
      for (const edit of change.edits) {
        const { gone, made } = recordEdits({ edits: [edit] }, kept);
        // New ones first: a domain must not be without an address for a moment.
        for (const record of made) await make(record);
        for (const record of gone) await remove(record);
      }
    },
    async addText({ name, value, ttl }) {
      if ((await keptOf(name)).some((record) => record.type === 'TXT' && record.value === value)) return;
      await make({ name, type: 'TXT', ttl, value });
    },
    async removeText({ name, value }) {
      for (const record of await keptOf(name)) {
        if (record.type === 'TXT' && record.value === value) await remove(record);
      }
    },
  };
}
