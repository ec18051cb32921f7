import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { messageOf } from '../../base/errors.ts';
import { completeStoredSpec } from '../../spec/stored.ts';

interface Tables {
  load_balancers: { id: string; name: string; spec: string };
  revisions: { load_balancer_id: string; number: number; spec: string };
}

/**
 * Gives stored specs the fields of the data plane that came with this version (pools, routes, timeouts and so on), as
 * if they had been sent with their defaults. Done with the spec as it is when the migration runs, so that later fields
 * with defaults come along.
 */
export const completeSpecs: Migration = {
  async up(untyped: Kysely<unknown>): Promise<void> {
    const db = untyped as Kysely<Tables>;
    const balancers = await db.selectFrom('load_balancers').select(['id', 'name']).execute();
    for (const { id, name } of balancers) {
      try {
        await completeNewest(db, id);
        await completeRevisions(db, id);
      } catch (error) {
        throw new Error(`load balancer ${name}: ${messageOf(error)}`, { cause: error });
      }
    }
  },
};

async function completeNewest(db: Kysely<Tables>, id: string): Promise<void> {
  const { spec } = await db
    .selectFrom('load_balancers')
    .select('spec')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  await db
    .updateTable('load_balancers')
    .set({ spec: completed(spec) })
    .where('id', '=', id)
    .execute();
}

/** One by one, because a long history of a large load balancer may not fit into memory. */
async function completeRevisions(db: Kysely<Tables>, id: string): Promise<void> {
  for (let last = 0; ;) {
    const row = await db
      .selectFrom('revisions')
      .select(['number', 'spec'])
      .where('load_balancer_id', '=', id)
      .where('number', '>', last)
      .orderBy('number')
      .limit(1)
      .executeTakeFirst();
    if (!row) return;
    last = row.number;
    await db
      .updateTable('revisions')
      .set({ spec: completed(row.spec) })
      .where('load_balancer_id', '=', id)
      .where('number', '=', row.number)
      .execute();
  }
}

function completed(spec: string): string {
  return JSON.stringify(completeStoredSpec(JSON.parse(spec)));
}
