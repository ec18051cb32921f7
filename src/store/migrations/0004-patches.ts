import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

interface Tables {
  load_balancers: { id: string; name: string; revision: number };
  revisions: {
    load_balancer_id: string;
    number: number;
    spec: string;
    tag: string;
    base: number;
    base_size: number;
  };
}

/**
 * A change writes what it changes. Specs are kept by the revisions alone, and a revision may hold what differs from the one
 * before instead of a whole spec; those that there are keep their whole one. What an agent tells of backends is likewise
 * kept as it once was and what has changed since.
 */
export const patches: Migration = {
  async up(untyped: Kysely<unknown>): Promise<void> {
    const db = untyped as Kysely<Tables>;
    await patchSpecs(db);
    await patchReports(db);
  },
};

async function patchReports(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .alterTable('nodes')
    .addColumn('backends_tag', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  for (const name of ['backends_size', 'patches_size'])
    await db.schema
      .alterTable('nodes')
      .addColumn(name, 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  await db.schema
    .createTable('node_patches')
    .addColumn('load_balancer_id', 'text', (column) => column.notNull())
    .addColumn('machine_id', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('patch', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('node_patches_key', ['load_balancer_id', 'machine_id', 'number'])
    .addForeignKeyConstraint(
      'node_patches_node',
      ['load_balancer_id', 'machine_id'],
      'nodes',
      ['load_balancer_id', 'machine_id'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
}

async function patchSpecs(db: Kysely<Tables>): Promise<void> {
  await requireRevisions(db);
  await db.schema.alterTable('revisions').addColumn('patch', 'text').execute();
  await db.schema
    .alterTable('revisions')
    .addColumn('tag', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  for (const name of ['base', 'base_size', 'patches_size', 'change_version'])
    await db.schema
      .alterTable('revisions')
      .addColumn(name, 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  await tagRevisions(db);
  await db.schema.alterTable('load_balancers').dropColumn('spec').execute();
}

/** Nothing is dropped that is not kept elsewhere. */
async function requireRevisions(db: Kysely<Tables>): Promise<void> {
  const lacking = await db
    .selectFrom('load_balancers')
    .leftJoin('revisions', (join) =>
      join
        .onRef('revisions.load_balancer_id', '=', 'load_balancers.id')
        .onRef('revisions.number', '=', 'load_balancers.revision'),
    )
    .select(['load_balancers.name', 'load_balancers.revision'])
    .where('revisions.number', 'is', null)
    .executeTakeFirst();
  if (lacking) throw new Error(`load balancer ${lacking.name}: its revision ${lacking.revision} is missing`);
}

/** One by one, because a long history of a large load balancer may not fit into memory. */
async function tagRevisions(db: Kysely<Tables>): Promise<void> {
  const keys = await db.selectFrom('revisions').select(['load_balancer_id', 'number']).execute();
  for (const { load_balancer_id: id, number } of keys) {
    const { spec } = await db
      .selectFrom('revisions')
      .select('spec')
      .where('load_balancer_id', '=', id)
      .where('number', '=', number)
      .executeTakeFirstOrThrow();
    await db
      .updateTable('revisions')
      .set({
        tag: createHash('sha256').update(spec).digest('hex').slice(0, 32),
        base: sql<number>`number`,
        base_size: spec.length,
      })
      .where('load_balancer_id', '=', id)
      .where('number', '=', number)
      .execute();
  }
}
