import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { findMachine } from '../machines.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { findVpc } from '../vpcs.ts';
import { migrations } from './list.ts';

test('VPCs of before have no passwords of routers, and machines no certificates', async () => {
  const directory = await temporaryDirectory();
  try {
    const path = join(directory.path, 'agentmetal.db');
    const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
    await migrate(db, Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0012')));
    await db.destroy();
    const database = new DatabaseSync(path);
    database
      .prepare(
        "insert into vpcs (id, name, labels, spec, revision, created_at, updated_at) values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't')",
      )
      .run();
    database
      .prepare(
        "insert into machines (id, name, driver, token_hash, change_version, host_addresses, created_at) values ('m_1', 'local', 'local', 'abc', 1, '[]', 't')",
      )
      .run();
    database.close();
    const store = await openStore(directory.path);
    expect(await store.transaction((tx) => findVpc(tx, 'vpc_1'))).toMatchObject({
      name: 'prod',
      sealed: null,
    });
    expect(await store.transaction((tx) => findMachine(tx, 'm_1'))).toMatchObject({ peerCertificate: null });
    await store.close();
  } finally {
    await directory.remove();
  }
});
