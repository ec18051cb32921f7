import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OLD_SPECS } from '../../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import {
  type CertificateRecord,
  certificateReportsOf,
  certificatesOf,
  deleteCertificate,
  findCertificate,
  saveCertificate,
  saveCertificateReports,
} from '../certificates.ts';
import { deleteLoadBalancer } from '../load-balancers.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { migrations } from './list.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

/** A database as the version before left it, with `web-lb`. */
async function writeOldDatabase(): Promise<void> {
  const path = join(directory.path, 'agentmetal.db');
  const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
  const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0006'));
  await migrate(db, before);
  await db.destroy();
  const database = new DatabaseSync(path);
  const columns = new Set(
    database
      .prepare(`select name from pragma_table_info('load_balancers')`)
      .all()
      .map((row) => String(row['name'])),
  );
  const values: Record<string, string | number> = {
    id: 'lb_1',
    name: 'web-lb',
    labels: '{}',
    spec: JSON.stringify(OLD_SPECS.http),
    vpc_id: 'vpc_1',
    address: '127.80.0.1',
    ports: '[80]',
    revision: 1,
    created_at: 't',
    updated_at: 't',
  };
  const names = Object.keys(values).filter((name) => columns.has(name));
  database.exec(`insert into vpcs values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't')`);
  database
    .prepare(`insert into load_balancers (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`)
    .run(...names.map((name) => values[name] ?? ''));
  database.close();
}

const RECORD: CertificateRecord = {
  loadBalancerId: 'lb_1',
  name: 'main',
  chain: 'PEM',
  sealedKey: 'sealed',
  facts: {
    names: ['a.test'],
    subject: 'CN=a',
    issuer: 'CN=b',
    serial: '01',
    notBefore: 't',
    notAfter: 't',
    fingerprint: 'AA',
    key: 'EC',
    warnings: [],
  },
  uploadedBy: 'admin',
  createdAt: 't',
  updatedAt: 't',
};

test('a database of before takes certificates, which go with their load balancer', async () => {
  await writeOldDatabase();
  const store = await openStore(directory.path);
  await store.transaction(async (tx) => {
    await saveCertificate(tx, RECORD);
    await saveCertificate(tx, { ...RECORD, chain: 'other', createdAt: 'later', updatedAt: 'later' });
    expect(await findCertificate(tx, 'lb_1', 'main')).toEqual({
      ...RECORD,
      chain: 'other',
      updatedAt: 'later',
    });
    await saveCertificate(tx, { ...RECORD, name: 'next' });
    const [main] = await certificatesOf(tx, ['lb_1', 'lb_2']);
    expect(main).toMatchObject({ name: 'main', facts: RECORD.facts });
    expect(main).not.toHaveProperty('sealedKey');
    await deleteCertificate(tx, 'lb_1', 'next');
    expect(await certificatesOf(tx, ['lb_1'])).toHaveLength(1);

    const report = {
      domain: 'a.test',
      state: 'active',
      source: 'uploaded',
      reason: 'ok',
      alert: 'none',
    } as const;
    const reports = { loadBalancerId: 'lb_1', machineId: 'm_1', reports: [report] };
    for (let round = 0; round < 2; round += 1) await saveCertificateReports(tx, reports);
    expect(await certificateReportsOf(tx, ['lb_1'])).toEqual([reports]);
    await saveCertificateReports(tx, { ...reports, reports: [] });
    expect(await certificateReportsOf(tx, ['lb_1'])).toEqual([{ ...reports, reports: [] }]);
    await deleteLoadBalancer(tx, 'lb_1');
    expect(await certificatesOf(tx, ['lb_1'])).toEqual([]);
    expect(await certificateReportsOf(tx, ['lb_1'])).toEqual([]);
  });
  await store.close();
});
