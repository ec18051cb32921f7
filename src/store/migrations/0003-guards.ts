import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Guards of revisions. They have a table of their own, because they are written every second while they last, and a
 * revision's row holds a whole spec.
 */
export const guards: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('revisions').addColumn('reason', 'text').execute();
    await db.schema
      .createTable('guards')
      .addColumn('load_balancer_id', 'text', (column) => column.notNull())
      .addColumn('revision', 'integer', (column) => column.notNull())
      .addColumn('duration_ms', 'integer', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('restored_by', 'integer')
      .addColumn('machines', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('guards_key', ['load_balancer_id', 'revision'])
      .addForeignKeyConstraint(
        'guards_revision',
        ['load_balancer_id', 'revision'],
        'revisions',
        ['load_balancer_id', 'number'],
        (constraint) => constraint.onDelete('cascade'),
      )
      .execute();
  },
};
