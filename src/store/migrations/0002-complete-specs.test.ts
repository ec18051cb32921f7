import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NEW_HTTP_FIELDS, OLD_SPECS } from '../../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { completeStoredSpec } from '../../spec/stored.ts';
import { findLoadBalancer } from '../load-balancers.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import { findRevision } from '../revisions.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { initial } from './0001-initial.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

/** A database as 0.1.0 left it: `web-lb` with two revisions and `db-lb` likewise. */
async function writeOldDatabase(httpSpec: object = OLD_SPECS.http): Promise<void> {
  const path = join(directory.path, 'agentmetal.db');
  const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
  await migrate(db, { '0001-initial': initial });
  await db.destroy();
  const database = new DatabaseSync(path);
  database.exec(`insert into vpcs values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't')`);
  const balancer = database.prepare(
    `insert into load_balancers values (?, ?, '{}', ?, 'vpc_1', '127.80.0.1', '[80]', 2, 't', 't')`,
  );
  const revision = database.prepare(
    `insert into revisions values (?, ?, 'update', null, 'admin', 't', ?, '{}', ?, '[]', '{"path":"none","steps":[]}')`,
  );
  balancer.run('lb_1', 'web-lb', JSON.stringify(httpSpec));
  revision.run('lb_1', 1, 'web-lb', JSON.stringify({ ...OLD_SPECS.http, algorithm: 'random' }));
  revision.run('lb_1', 2, 'web-lb', JSON.stringify(OLD_SPECS.http));
  balancer.run('lb_2', 'db-lb', JSON.stringify(OLD_SPECS.tcp));
  revision.run('lb_2', 1, 'db-lb', JSON.stringify(OLD_SPECS.tcp));
  revision.run('lb_2', 2, 'db-lb', JSON.stringify(OLD_SPECS.tcp));
  database.close();
}

test('stored specs of before get the fields that came later, in load balancers and in revisions', async () => {
  await writeOldDatabase();
  const store = await openStore(directory.path);
  const { web, db, first, second } = await store.transaction(async (tx) => ({
    web: await findLoadBalancer(tx, 'web-lb'),
    db: await findLoadBalancer(tx, 'db-lb'),
    first: await findRevision(tx, 'lb_1', 1),
    second: await findRevision(tx, 'lb_1', 2),
  }));
  expect(web?.spec).toEqual(completeStoredSpec(OLD_SPECS.http));
  expect(web?.spec).toMatchObject({ ...OLD_SPECS.http, ...NEW_HTTP_FIELDS });
  expect(second?.spec).toEqual(web?.spec);
  expect(first?.spec).toEqual({ ...web?.spec, algorithm: 'random' });
  expect(db?.spec).toMatchObject({ ...OLD_SPECS.tcp, pools: {}, timeouts: { client: '1h' } });
  expect(db?.spec.timeouts).not.toHaveProperty('tunnel');
  expect(web).toMatchObject({ revision: 2, updatedAt: 't', ports: [80] });
  await store.close();
});

test('opening again changes nothing', async () => {
  await writeOldDatabase();
  const specs = async () => {
    const store = await openStore(directory.path);
    const record = await store.transaction((tx) => findLoadBalancer(tx, 'web-lb'));
    await store.close();
    return JSON.stringify(record);
  };
  expect(await specs()).toBe(await specs());
});

test('a spec that cannot be read stops the start and names the load balancer', async () => {
  await writeOldDatabase({ ...OLD_SPECS.http, port: 'eighty' });
  await expect(openStore(directory.path)).rejects.toThrow(
    /0002-complete-specs: load balancer web-lb: a stored spec cannot be read: \/spec\/port/,
  );
});
