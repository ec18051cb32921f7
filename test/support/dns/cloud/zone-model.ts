import { ZONE } from '../zone-server.ts';

/** A record as a provider keeps it; `name` is absolute, `data` as its API writes it. */
export interface ModelRecord {
  id: string;
  name: string;
  type: string;
  ttl: number;
  data: string;
}

/** The records of one zone in memory, for servers that speak a cloud provider's API in its place. */
export class ZoneModel {
  records: ModelRecord[] = [];
  #lastId = 1000;

  constructor() {
    this.add({ name: `taken.${ZONE}`, type: 'A', ttl: 60, data: '203.0.113.9' });
    this.add({ name: `alias.${ZONE}`, type: 'CNAME', ttl: 60, data: 'elsewhere.example.net.' });
    this.add({ name: `*.wild.${ZONE}`, type: 'A', ttl: 60, data: '203.0.113.77' });
    this.add({ name: ZONE, type: 'NS', ttl: 60, data: 'ns1.example.net.' });
  }

  add(record: Omit<ModelRecord, 'id'>): ModelRecord {
    this.#lastId += 1;
    const made = { ...record, id: String(this.#lastId) };
    this.records.push(made);
    return made;
  }

  remove(ids: ReadonlySet<string>): void {
    this.records = this.records.filter(({ id }) => !ids.has(id));
  }

  at(name: string, type?: string): ModelRecord[] {
    return this.records.filter((record) => record.name === name && (!type || record.type === type));
  }
}
