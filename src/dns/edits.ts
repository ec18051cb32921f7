import type { DnsProvider, RecordSet, ZoneChange } from './provider.ts';
import { DnsFault } from './provider.ts';
import { findSet, recordSet } from './records.ts';

/** A record with the id under which a provider keeps it. */
export interface KeptRecord {
  id: string;
  name: string;
  type: string;
  ttl: number;
  /** As {@link RecordSet.values} has it. */
  value: string;
}

/** A record to be made. */
export interface NewRecord {
  name: string;
  type: RecordSet['type'];
  ttl: number;
  value: string;
}

/** What to delete and what to create at a provider that keeps records one by one. What is right already stays. */
export function recordEdits(
  { edits }: Pick<ZoneChange, 'edits'>,
  kept: readonly KeptRecord[],
): { gone: KeptRecord[]; made: NewRecord[] } {
  const gone: KeptRecord[] = [];
  const made: NewRecord[] = [];
  for (const { from, to } of edits) {
    const set = to ?? from;
    if (!set) continue;
    const present = kept.filter(({ name, type }) => name === set.name && type === set.type);
    const stays = (record: KeptRecord) =>
      to !== undefined && record.ttl === to.ttl && to.values.includes(record.value);
    gone.push(...present.filter((record) => !stays(record)));
    const right = new Set(present.filter(stays).map(({ value }) => value));
    for (const value of to?.values ?? []) {
      if (!right.has(value)) made.push({ name: set.name, type: set.type, ttl: set.ttl, value });
    }
  }
  return { gone, made };
}

const ATTEMPTS = 4;

/** Adding and removing one text at a provider that replaces whole sets: read, change, and again when that was too late. */
export function textChanges(
  provider: Pick<DnsProvider, 'read' | 'change'>,
): Pick<DnsProvider, 'addText' | 'removeText'> {
  const edit = async (
    name: string,
    ttl: number,
    valuesOf: (before: readonly string[]) => readonly string[],
  ): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const from = findSet(await provider.read([name]), { name, type: 'TXT' });
      const values = valuesOf(from?.values ?? []);
      if (values.length === (from?.values.length ?? 0)) return;
      const to = values.length === 0 ? undefined : recordSet('TXT', { name, ttl: from?.ttl ?? ttl, values });
      try {
        return await provider.change({ expect: [], edits: [{ from, to }] });
      } catch (error) {
        const again = error instanceof DnsFault && error.kind === 'conflict' && attempt < ATTEMPTS;
        if (!again) throw error;
      }
    }
  };
  return {
    addText: ({ name, value, ttl }) => edit(name, ttl, (values) => [...new Set([...values, value])]),
    removeText: ({ name, value }) => edit(name, 0, (values) => values.filter((other) => other !== value)),
  };
}
