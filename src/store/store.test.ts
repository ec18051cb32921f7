import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../base/errors.ts';
import { DEFAULT_VPC } from '../spec/vpc.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { nextChangeVersion, readMeta, writeMeta } from './meta.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import { type Store, openStore } from './open.ts';
import type { Database } from './schema.ts';
import { sqliteDialect } from './sqlite.ts';
import { storageError } from './storage-error.ts';
import { type VpcRecord, findVpc, insertVpc } from './vpcs.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;
beforeEach(async () => {
  directory = await temporaryDirectory();
  store = await openStore(directory.path);
});
afterEach(async () => {
  await store.close();
  await directory.remove();
});

const vpc = (name: string): VpcRecord => ({
  ...DEFAULT_VPC,
  id: `vpc_${name}`,
  name,
  sealed: null,
  revision: 1,
  createdAt: '2026-11-23T04:00:00.000Z',
  updatedAt: '2026-11-23T04:00:00.000Z',
});

test('what a transaction wrote is there after opening again, and nothing of one that failed', async () => {
  await store.transaction((tx) => insertVpc(tx, vpc('kept')));
  const failing = store.transaction(async (tx) => {
    await insertVpc(tx, vpc('lost'));
    throw new Error('the work fails');
  });
  await expect(failing).rejects.toThrow('the work fails');
  await store.close();
  store = await openStore(directory.path);
  expect(await store.transaction((tx) => findVpc(tx, 'kept'))).toEqual(vpc('kept'));
  expect(await store.transaction((tx) => findVpc(tx, 'vpc_lost'))).toBeUndefined();
});

test('transactions run one after another', async () => {
  const versions = await Promise.all(Array.from({ length: 100 }, () => store.transaction(nextChangeVersion)));
  expect(versions).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
});

test('the file is opened so that nothing acknowledged is lost', async () => {
  const database = new DatabaseSync(join(directory.path, 'agentmetal.db'));
  expect(database.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' });
  database.close();
});

test('a name that is taken is told as such', async () => {
  await store.transaction((tx) => insertVpc(tx, vpc('once')));
  const again = store.transaction((tx) => insertVpc(tx, { ...vpc('once'), id: 'vpc_other' }));
  await expect(again).rejects.toMatchObject({ code: 'name_taken' });
});

test('a full disk is told as such, and reads go on', async () => {
  const path = join(directory.path, 'small.db');
  const small = new Kysely<Database>({ dialect: sqliteDialect(path) });
  await migrate(small);
  await small.executeQuery({ sql: 'pragma max_page_count = 60', parameters: [] } as never);
  const fill = async () => {
    for (let index = 0; index < 10_000; index++)
      await writeMeta(small, `fill-${index}` as 'control_plane_id', 'x'.repeat(2000));
  };
  const error: unknown = await fill().catch((thrown: unknown) => storageError(thrown));
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: 'storage_full', status: 507 });
  expect(await readMeta(small, 'fill-0' as 'control_plane_id')).toHaveLength(2000);
  await small.destroy();
});

test('a database of a newer version is refused and left alone', async () => {
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory.path, 'newer.db')) });
  await migrate(db, { ...migrations, '9999-later': { up: async () => undefined } });
  await expect(migrate(db)).rejects.toThrow('written by a newer version');
  await db.destroy();
});

test('a migration that fails leaves the database as it was, and says which one it is', async () => {
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory.path, 'failing.db')) });
  await migrate(db);
  const broken = { ...migrations, '9999-broken': { up: () => Promise.reject(new Error('no such column')) } };
  await expect(migrate(db, broken)).rejects.toThrow('9999-broken: no such column');
  await migrate(db);
  await db.destroy();
});

test('migrating again does nothing', async () => {
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory.path, 'agentmetal.db')) });
  await migrate(db);
  await db.destroy();
});
