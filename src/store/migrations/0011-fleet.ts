import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Machines whose agents are silent and which others replace, and the upgrades of agents. */
export const fleet: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('replacements')
      .addColumn('load_balancer_id', 'text', (column) =>
        column.notNull().references('load_balancers.id').onDelete('cascade'),
      )
      .addColumn('machine_id', 'text', (column) =>
        column.notNull().references('machines.id').onDelete('cascade'),
      )
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('code', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('replaced_by', 'text')
      .addColumn('since', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('replacements_key', ['load_balancer_id', 'machine_id'])
      .execute();
    await db.schema
      .createTable('agent_upgrades')
      .addColumn('machine_id', 'text', (column) =>
        column.primaryKey().references('machines.id').onDelete('cascade'),
      )
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('reason', 'text')
      .addColumn('since', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema.alterTable('machines').addColumn('upgrader', 'text').execute();
  },
};
