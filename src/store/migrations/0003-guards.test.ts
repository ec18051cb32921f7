import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OLD_SPECS } from '../../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { type GuardRecord, findGuard, insertGuard, supersedeGuards, updateGuard } from '../guards.ts';
import { deleteLoadBalancer } from '../load-balancers.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import { findRevision } from '../revisions.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { initial } from './0001-initial.ts';
import { completeSpecs } from './0002-complete-specs.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

const RELEASES = {
  '0001-initial': { '0001-initial': initial },
  '0002-complete-specs': { '0001-initial': initial, '0002-complete-specs': completeSpecs },
};

/** A database as an earlier version left it: `web-lb` with one revision. */
async function writeOldDatabase(schema: keyof typeof RELEASES): Promise<void> {
  const path = join(directory.path, 'agentmetal.db');
  const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
  await migrate(db, RELEASES[schema]);
  await db.destroy();
  const database = new DatabaseSync(path);
  const spec = JSON.stringify(OLD_SPECS.http);
  database.exec(`insert into vpcs values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't')`);
  database
    .prepare(
      `insert into load_balancers values ('lb_1', 'web-lb', '{}', ?, 'vpc_1', '127.80.0.1', '[80]', 1, 't', 't')`,
    )
    .run(spec);
  database
    .prepare(
      `insert into revisions values ('lb_1', 1, 'create', null, 'admin', 't', 'web-lb', '{}', ?, '[]', '{"path":"none","steps":[]}')`,
    )
    .run(spec);
  database.close();
}

const GUARD: GuardRecord = {
  loadBalancerId: 'lb_1',
  revision: 1,
  durationMs: 30_000,
  state: 'watching',
  reason: 'on its way',
  restoredBy: null,
  machines: [],
};

test.each(['0001-initial', '0002-complete-specs'] as const)(
  'a database of %s takes guards, and its revisions are there as before',
  async (schema) => {
    await writeOldDatabase(schema);
    const store = await openStore(directory.path);
    const machines = [{ machine: 'local', verdict: 'violated', reason: 'bad' } as const];
    const ended: GuardRecord = { ...GUARD, state: 'restored', restoredBy: 2, machines: [...machines] };
    await store.transaction(async (tx) => {
      expect(await findRevision(tx, 'lb_1', 1)).toMatchObject({ author: 'admin', reason: null });
      expect(await findGuard(tx, 'lb_1', 1)).toBeUndefined();
      await insertGuard(tx, GUARD);
      await supersedeGuards(tx, 'lb_1', 'another one');
      expect(await findGuard(tx, 'lb_1', 1)).toEqual({
        ...GUARD,
        state: 'superseded',
        reason: 'another one',
      });
      await updateGuard(tx, ended);
      await supersedeGuards(tx, 'lb_1', 'what has ended stays');
      expect(await findGuard(tx, 'lb_1', 1)).toEqual(ended);
      await deleteLoadBalancer(tx, 'lb_1');
      expect(await findGuard(tx, 'lb_1', 1)).toBeUndefined();
    });
    await store.close();
  },
);
