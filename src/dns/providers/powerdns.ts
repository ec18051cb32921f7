import { z } from 'zod';
import type { PowerDns } from '../../spec/dns-zone.ts';
import {
  type DnsProvider,
  type ProviderContext,
  RECORD_TYPES,
  type RecordEdit,
  type RecordSet,
  type RecordType,
} from '../provider.ts';
import { namesOf, quoteText, recordSet, requireAsRead, unquoteText } from '../records.ts';
import { textChanges } from '../edits.ts';
import { createJsonApi } from './http.ts';

const RrSet = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number(),
  records: z.array(z.object({ content: z.string(), disabled: z.boolean().default(false) })),
});
const Zone = z.object({ rrsets: z.array(RrSet) });
const Failure = z.object({ error: z.string() });

/**
 * A zone of PowerDNS by its HTTP API. A change is one PATCH, which is done as a whole or not at all; that nobody else
 * changed the records is looked at just before.
 */
export function createPowerDnsProvider(
  zone: string,
  { apiUrl, serverId, apiKey }: z.output<typeof PowerDns>,
  { signal }: ProviderContext,
): DnsProvider {
  const api = createJsonApi({
    who: `PowerDNS at ${apiUrl}`,
    url: `${apiUrl}/api/v1/servers/${encodeURIComponent(serverId)}/zones/${encodeURIComponent(`${zone}.`)}`,
    headers: { 'x-api-key': apiKey },
    signal,
    reason: (body) => Failure.safeParse(body).data?.error,
  });
  const readName = async (name: string): Promise<RecordSet[]> => {
    const { rrsets } = await api({ method: 'GET', path: '', query: { rrset_name: `${name}.` } }, Zone);
    return rrsets.flatMap(fromApi).filter((set) => set.name === name);
  };
  const read = async (names: readonly string[]) => (await Promise.all(names.map(readName))).flat();
  const apply = async (edits: readonly RecordEdit[]) => {
    if (edits.length === 0) return;
    await api({ method: 'PATCH', path: '', body: { rrsets: edits.flatMap(toApi) } }, z.unknown());
  };
  const change: DnsProvider['change'] = async (wanted) => {
    requireAsRead(await read(namesOf(wanted)), wanted);
    await apply(wanted.edits);
  };
  return {
    async check() {
      await api({ method: 'GET', path: '', query: { rrset_name: `${zone}.`, rrset_type: 'SOA' } }, Zone);
    },
    read,
    change,
    ...textChanges({ read, change }),
  };
}

function fromApi({ name, type, ttl, records }: z.output<typeof RrSet>): RecordSet[] {
  const known = RECORD_TYPES.find((candidate) => candidate === type);
  const values = records.filter(({ disabled }) => !disabled).map(({ content }) => content);
  if (!known || values.length === 0) return [];
  return [recordSet(known, { name, ttl, values: known === 'TXT' ? values.map(unquoteText) : values })];
}

function toApi({ from, to }: RecordEdit): object[] {
  if (to) {
    const records = to.values.map((value) => ({ content: contentOf(to.type, value), disabled: false }));
    return [{ name: `${to.name}.`, type: to.type, ttl: to.ttl, changetype: 'REPLACE', records }];
  }
  return from ? [{ name: `${from.name}.`, type: from.type, changetype: 'DELETE' }] : [];
}

function contentOf(type: RecordType, value: string): string {
  if (type === 'TXT') return quoteText(value);
  return type === 'CNAME' ? `${value}.` : value;
}
