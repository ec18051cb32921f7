import { z } from 'zod';
import type { Hetzner } from '../../spec/dns-zone.ts';
import {
  DnsFault,
  type DnsProvider,
  type ProviderContext,
  RECORD_TYPES,
  type RecordEdit,
  type RecordSet,
} from '../provider.ts';
import {
  absoluteName,
  namesOf,
  quoteText,
  recordSet,
  relativeName,
  requireAsRead,
  unquoteText,
} from '../records.ts';
import { type JsonRequest, createJsonApi } from './http.ts';

const API = 'https://api.hetzner.cloud/v1';
const POLL_MS = 500;
const MAX_POLLS = 30;
const MISSING_TTL = 3600;

const RrSet = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number().nullable(),
  records: z.array(z.object({ value: z.string() })),
});
const Action = z.object({
  id: z.number(),
  status: z.enum(['running', 'success', 'error']),
  error: z.object({ message: z.string() }).nullish(),
});
const Started = z.object({ action: Action });
const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** A zone of Hetzner DNS. Sets are changed one after another, in the order of the change. */
export function createHetznerProvider(
  zone: string,
  { apiToken, apiUrl = API }: z.output<typeof Hetzner>,
  { clock, signal }: ProviderContext,
): DnsProvider {
  const api = createJsonApi({
    who: 'Hetzner',
    url: apiUrl,
    headers: { authorization: `Bearer ${apiToken}` },
    signal,
    reason: (body) => Failure.safeParse(body).data?.error.message,
    kindOf: (_status, body) =>
      Failure.safeParse(body).data?.error.code === 'uniqueness_error' ? 'conflict' : undefined,
  });
  const path = `/zones/${encodeURIComponent(zone)}`;
  const setPath = ({ name, type }: Pick<RecordSet, 'name' | 'type'>) =>
    `${path}/rrsets/${encodeURIComponent(relativeName(name, zone))}/${type}`;
  /** A change goes on after the answer; it is there when its action has ended. */
  const act = async (request: JsonRequest): Promise<void> => {
    let { action } = await api(request, Started);
    for (let polls = 0; action.status === 'running' && polls < MAX_POLLS; polls++) {
      await clock.sleep(POLL_MS, signal);
      ({ action } = await api({ method: 'GET', path: `/actions/${action.id}` }, Started));
    }
    if (action.status === 'success') return;
    throw new DnsFault(
      'failed',
      `Hetzner did not finish the change: ${action.error?.message ?? 'it is still running'}`,
    );
  };
  const readName = async (name: string): Promise<RecordSet[]> => {
    const query = { name: relativeName(name, zone) };
    const { rrsets } = await api(
      { method: 'GET', path: `${path}/rrsets`, query },
      z.object({ rrsets: z.array(RrSet) }),
    );
    return rrsets.flatMap((set) => fromApi(zone, set)).filter((set) => set.name === name);
  };
  const read = async (names: readonly string[]) => (await Promise.all(names.map(readName))).flat();
  const edit = async ({ from, to }: RecordEdit): Promise<void> => {
    if (!to) return from && act({ method: 'DELETE', path: setPath(from) });
    const records = to.values.map((value) => recordOf(to.type, value));
    if (!from) {
      const { type, ttl } = to;
      const body = { name: relativeName(to.name, zone), type, ttl, records };
      return act({ method: 'POST', path: `${path}/rrsets`, body });
    }
    if (from.values.join('\n') !== to.values.join('\n'))
      await act({ method: 'POST', path: `${setPath(to)}/actions/set_records`, body: { records } });
    if (from.ttl !== to.ttl)
      await act({ method: 'POST', path: `${setPath(to)}/actions/change_ttl`, body: { ttl: to.ttl } });
  };
  const hasText = async (name: string, value: string) =>
    (await readName(name)).some(({ type, values }) => type === 'TXT' && values.includes(value));
  return {
    async check() {
      await api({ method: 'GET', path }, z.object({ zone: z.object({ name: z.string() }) }));
    },
    read,
    async change(change) {
      requireAsRead(await read(namesOf(change)), change);
      for (const one of change.edits) await edit(one);
    },
    async addText({ name, value, ttl }) {
      if (await hasText(name, value)) return;
      const body = { ttl, records: [recordOf('TXT', value)] };
      await act({ method: 'POST', path: `${setPath({ name, type: 'TXT' })}/actions/add_records`, body });
    },
    async removeText({ name, value }) {
      if (!(await hasText(name, value))) return;
      const body = { records: [recordOf('TXT', value)] };
      await act({ method: 'POST', path: `${setPath({ name, type: 'TXT' })}/actions/remove_records`, body });
    },
  };
}

function fromApi(zone: string, { name, type, ttl, records }: z.output<typeof RrSet>): RecordSet[] {
  const known = RECORD_TYPES.find((candidate) => candidate === type);
  if (!known || records.length === 0) return [];
  const values = records.map(({ value }) => (known === 'TXT' ? unquoteText(value) : value));
  return [recordSet(known, { name: absoluteName(name, zone), ttl: ttl ?? MISSING_TTL, values })];
}

function recordOf(type: RecordSet['type'], value: string): { value: string } {
  if (type === 'TXT') return { value: quoteText(value) };
  return { value: type === 'CNAME' ? `${value}.` : value };
}
