import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Uploaded certificates, whose keys are sealed, and what agents tell of certificates. The latter has a table of its own,
 * because it changes seldom and nodes are written all the time.
 */
export const certificates: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('certificates')
      .addColumn('load_balancer_id', 'text', (column) =>
        column.notNull().references('load_balancers.id').onDelete('cascade'),
      )
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('sealed_key', 'text', (column) => column.notNull())
      .addColumn('facts', 'text', (column) => column.notNull())
      .addColumn('uploaded_by', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('certificates_key', ['load_balancer_id', 'name'])
      .execute();
    await db.schema
      .createTable('certificate_reports')
      .addColumn('load_balancer_id', 'text', (column) =>
        column.notNull().references('load_balancers.id').onDelete('cascade'),
      )
      .addColumn('machine_id', 'text', (column) => column.notNull())
      .addColumn('reports', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('certificate_reports_key', ['load_balancer_id', 'machine_id'])
      .execute();
  },
};
