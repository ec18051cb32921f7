import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OLD_SPECS } from '../../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { completeStoredSpec } from '../../spec/stored.ts';
import { deleteLoadBalancer, findLoadBalancer } from '../load-balancers.ts';
import { migrate } from '../migrate.ts';
import { nodesOf, saveNodeReport } from '../nodes.ts';
import { openStore } from '../open.ts';
import { findRevision, insertRevision } from '../revisions.ts';
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

const RELEASES = {
  '0001-initial': { '0001-initial': initial },
  '0002-complete-specs': { '0001-initial': initial, '0002-complete-specs': completeSpecs },
  '0003-guards': { '0001-initial': initial, '0002-complete-specs': completeSpecs, '0003-guards': guards },
};
const REPORTED = [{ target: 'a:1', pool: 'default', state: 'up' as const, reason: 'x', since: 't' }];

/** A database as an earlier version left it: `web-lb` at revision 2, on one machine. */
async function writeOldDatabase(schema: keyof typeof RELEASES, numbers = [1, 2]): Promise<void> {
  const path = join(directory.path, 'agentmetal.db');
  const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
  await migrate(db, RELEASES[schema]);
  await db.destroy();
  const database = new DatabaseSync(path);
  const spec = JSON.stringify(completeStoredSpec(OLD_SPECS.http));
  database.exec(`insert into vpcs values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't')`);
  database.exec(
    `insert into machines values ('machine_1', 'local', 'local', 'h', 1, null, null, null, '[]', null, null, 't')`,
  );
  database
    .prepare(
      `insert into load_balancers values ('lb_1', 'web-lb', '{}', ?, 'vpc_1', '127.80.0.1', '[80]', 2, 't', 't')`,
    )
    .run(spec);
  database
    .prepare(`insert into nodes values ('lb_1', 'machine_1', 1, 2, 2, ?, null, 't')`)
    .run(JSON.stringify(REPORTED));
  for (const number of numbers)
    database
      .prepare(
        `insert into revisions (load_balancer_id, number, action, author, created_at, name, labels, spec, diff, plan)
         values ('lb_1', ?, 'update', 'admin', 't', 'web-lb', '{}', ?, '[]', '{"path":"none","steps":[]}')`,
      )
      .run(number, spec);
  database.close();
}

test.each(['0001-initial', '0002-complete-specs', '0003-guards'] as const)(
  'a database of %s has its specs and reports as before, and takes changes',
  async (schema) => {
    await writeOldDatabase(schema);
    const store = await openStore(directory.path);
    await store.transaction(async (tx) => {
      const record = await findLoadBalancer(tx, 'web-lb');
      const old = await findRevision(tx, 'lb_1', 1);
      const [node] = await nodesOf(tx, ['lb_1']);
      if (!record || !old || !node) throw new Error('something is lost');
      expect(record.spec).toEqual(completeStoredSpec(OLD_SPECS.http));
      expect(old.spec).toEqual(record.spec);
      expect(node.backends).toEqual(REPORTED);
      const spec = { ...record.spec, retries: 9 };
      await insertRevision(tx, { ...old, number: 3, spec }, { changeVersion: 2, before: record.spec });
      expect((await findRevision(tx, 'lb_1', 3))?.spec.retries).toBe(9);
      const backends = REPORTED.map((backend) => ({ ...backend, reason: 'y' }));
      await saveNodeReport(tx, { ...node, backends });
      expect((await nodesOf(tx, ['lb_1']))[0]?.backends).toEqual(backends);
      await deleteLoadBalancer(tx, 'lb_1');
      expect(await findRevision(tx, 'lb_1', 3)).toBeUndefined();
    });
    await store.close();
  },
);

test('a load balancer whose newest revision is missing stops the start, and keeps its spec', async () => {
  await writeOldDatabase('0003-guards', [1]);
  await expect(openStore(directory.path)).rejects.toThrow(
    'the database cannot be brought up to date: 0004-patches: load balancer web-lb: its revision 2 is missing',
  );
  const database = new DatabaseSync(join(directory.path, 'agentmetal.db'));
  expect(database.prepare('select spec from load_balancers').get()).toBeDefined();
  database.close();
});
