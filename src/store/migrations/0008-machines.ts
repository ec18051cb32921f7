import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Machines of a VPC: how they are reached and made ready, which of them a load balancer has for itself, and its floating
 * address. Receipts outlive the machine that gave them, so they refer to it no more.
 */
export const machines: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createHosts(db);
    await db.schema.alterTable('machines').addColumn('os', 'text').execute();
    await db.schema
      .alterTable('load_balancers')
      .addColumn('placement', 'text', (column) => column.notNull().defaultTo('shared'))
      .execute();
    await db.schema.alterTable('load_balancers').addColumn('floating_address', 'text').execute();
    for (const name of ['position', 'joined_version'])
      await db.schema
        .alterTable('nodes')
        .addColumn(name, 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
    await db.schema.alterTable('nodes').addColumn('role', 'text').execute();
    await freeReceipts(db);
  },
};

async function createHosts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('machine_hosts')
    .addColumn('machine_id', 'text', (column) =>
      column.primaryKey().references('machines.id').onDelete('cascade'),
    )
    .addColumn('vpc_id', 'text', (column) => column.notNull().references('vpcs.id'))
    .addColumn('labels', 'text', (column) => column.notNull())
    .addColumn('address', 'text')
    .addColumn('public_address', 'text')
    .addColumn('ssh', 'text')
    .addColumn('sealed_key', 'text')
    .addColumn('phase', 'text', (column) => column.notNull())
    .addColumn('draining', 'integer', (column) => column.notNull())
    .addColumn('steps', 'text', (column) => column.notNull())
    .addColumn('fault', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('next_at', 'bigint', (column) => column.notNull())
    .addColumn('enrol_hash', 'text', (column) => column.unique())
    .addColumn('enrol_expires_at', 'bigint')
    .addColumn('enrol_used', 'integer', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('machine_hosts_vpc').on('machine_hosts').column('vpc_id').execute();
}

/** Makes the table of receipts anew, because SQLite cannot take a reference away. */
async function freeReceipts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('receipts_of_all')
    .addColumn('load_balancer_id', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('machine_id', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('receipt', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('receipts_of_all_key', ['load_balancer_id', 'revision', 'machine_id'])
    .addForeignKeyConstraint(
      'receipts_of_all_revision',
      ['load_balancer_id', 'revision'],
      'revisions',
      ['load_balancer_id', 'number'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
  await sql`insert into receipts_of_all select load_balancer_id, revision, machine_id, outcome, receipt from receipts`.execute(
    db,
  );
  await db.schema.dropTable('receipts').execute();
  await db.schema.alterTable('receipts_of_all').renameTo('receipts').execute();
}
