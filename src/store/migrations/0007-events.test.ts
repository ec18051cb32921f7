import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { listDnsRecords } from '../dns-records.ts';
import { lastEvent, listEvents, tellEvents } from '../events.ts';
import { findMachine } from '../machines.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { migrations } from './list.ts';

const NOW = Date.parse('2026-11-23T04:00:00Z');

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

/** A database as the version before left it, with a machine and what was known of a domain. */
async function writeOldDatabase(): Promise<void> {
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory.path, 'agentmetal.db')) });
  await migrate(db, Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0007')));
  const old = db as unknown as Kysely<Record<string, Record<string, string | number>>>;
  await old
    .insertInto('machines')
    .values({
      id: 'm_1',
      name: 'local',
      driver: 'local',
      token_hash: 'h',
      change_version: 1,
      host_addresses: '[]',
      created_at: 't',
    })
    .execute();
  const record = { load_balancer_id: 'lb_1', domain: 'a.test', zone_id: '', state: 'missing', wanted: '{}' };
  await old
    .insertInto('dns_records')
    .values({ ...record, message: 'm', since: 't', attempts: 0, next_at: 1 })
    .execute();
  await db.destroy();
}

test('a database of before keeps what it has and takes events', async () => {
  await writeOldDatabase();
  const store = await openStore(directory.path);
  await store.transaction(async (tx) => {
    expect(await findMachine(tx, 'local')).toMatchObject({ authority: null });
    expect(await listDnsRecords(tx)).toMatchObject([{ domain: 'a.test', seen: null }]);
    const event = {
      type: 'dns.record_missing',
      severity: 'warning',
      resource: { kind: 'load_balancer', id: 'lb_1', name: 'web-lb' },
      subject: 'a.test',
      message: 'm',
      details: { domain: 'a.test' },
    } as const;
    await tellEvents(tx, [event, event, { ...event, subject: 'b.test' }], NOW);
    expect(await listEvents(tx, {}, { before: 100, limit: 10 })).toMatchObject([
      { number: 3, subject: 'b.test', count: 1 },
      { number: 2, subject: 'a.test', count: 2 },
    ]);
    const last = await lastEvent(tx, { resourceId: 'lb_1', type: 'dns.record_missing', subject: 'a.test' });
    expect(last).toMatchObject({ ...event, time: '2026-11-23T04:00:00.000Z' });
  });
  await store.close();
});
