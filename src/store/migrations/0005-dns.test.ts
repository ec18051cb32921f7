import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { type DnsRecordRow, listDnsRecords, saveDnsRecord, updateDnsRecord } from '../dns-records.ts';
import { findDnsZone, insertDnsZone } from '../dns-zones.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { initial } from './0001-initial.ts';
import { completeSpecs } from './0002-complete-specs.ts';
import { guards } from './0003-guards.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

const RECORD: DnsRecordRow = {
  loadBalancerId: 'lb_1',
  domain: 'app.example.com',
  zoneId: 'zone_1',
  state: 'pending',
  wanted: { ttl: 60, ipv4: ['192.0.2.1'], ipv6: [] },
  seen: { ipv4: ['192.0.2.1'], ipv6: [], cname: [] },
  message: 'is looked at',
  since: '2026-11-23T04:00:00.000Z',
  attempts: 0,
  nextAt: 1_795_406_400_000,
};

test('a database of before takes zones and records', async () => {
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory.path, 'agentmetal.db')) });
  const before = { '0001-initial': initial, '0002-complete-specs': completeSpecs, '0003-guards': guards };
  await migrate(db, before);
  await db.destroy();
  const store = await openStore(directory.path);
  await store.transaction(async (tx) => {
    const spec = { provider: 'cloudflare' } as const;
    const dates = { createdAt: 't', updatedAt: 't' };
    await insertDnsZone(tx, {
      id: 'zone_1',
      name: 'example.com',
      labels: {},
      spec,
      sealed: 's',
      revision: 1,
      ...dates,
    });
    expect(await findDnsZone(tx, 'Example.com')).toMatchObject({ id: 'zone_1', spec });
    await saveDnsRecord(tx, RECORD);
    const seen = { ...RECORD, state: 'present', message: 'leads here', nextAt: RECORD.nextAt + 1 } as const;
    await updateDnsRecord(tx, seen, RECORD.nextAt);
    expect(await listDnsRecords(tx)).toEqual([seen]);
    await updateDnsRecord(tx, { ...seen, message: 'too late' }, RECORD.nextAt);
    expect(await listDnsRecords(tx)).toEqual([seen]);
  });
  await store.close();
});
