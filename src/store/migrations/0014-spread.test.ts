import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { preferredRouterId } from '../../api/router-id.ts';
import { listVersions } from '../load-balancers.ts';
import { migrate } from '../migrate.ts';
import { openStore } from '../open.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { migrations } from './list.ts';

test('a floating address of before stays, with the virtual router id that its nodes have', async () => {
  const directory = await temporaryDirectory();
  try {
    const path = join(directory.path, 'agentmetal.db');
    const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
    await migrate(db, Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0014')));
    await db.destroy();
    const database = new DatabaseSync(path);
    database.exec(
      "insert into vpcs (id, name, labels, spec, revision, created_at, updated_at) values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't')",
    );
    const insert = database.prepare(
      "insert into load_balancers (id, name, labels, vpc_id, address, ports, revision, created_at, updated_at, placement, floating_address) values (?, ?, '{}', 'vpc_1', '*', '[80]', 1, 't', 't', 'own', ?)",
    );
    insert.run('lb_1', 'a', '10.0.9.1');
    insert.run('lb_2', 'b', null);
    database.close();
    const store = await openStore(directory.path);
    const [first, second] = await store.transaction((tx) => listVersions(tx));
    expect(first?.floating).toEqual([
      {
        address: '10.0.9.1',
        routerId: preferredRouterId('lb_1'),
        home: null,
        isServed: true,
        freeAt: null,
      },
    ]);
    expect(second?.floating).toEqual([]);
    await store.close();
  } finally {
    await directory.remove();
  }
});
