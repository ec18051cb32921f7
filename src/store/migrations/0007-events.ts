import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What has happened; it outlives what it happened to. Who agreed to which terms of which CA. What was there at the last look
 * into DNS, and which CA an agent orders from.
 */
export const events: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createEvents(db);
    await createAgreements(db);
    await db.schema.alterTable('dns_records').addColumn('seen', 'text').execute();
    await db.schema.alterTable('machines').addColumn('authority', 'text').execute();
  },
};

async function createEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('events')
    .addColumn('number', 'integer', (column) => column.primaryKey())
    .addColumn('time', 'text', (column) => column.notNull())
    .addColumn('first_time', 'text', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('resource_id', 'text', (column) => column.notNull())
    .addColumn('resource_name', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('details', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('events_time').on('events').column('time').execute();
  await db.schema
    .createIndex('events_subject')
    .on('events')
    .columns(['resource_id', 'type', 'subject', 'number'])
    .execute();
  await db.schema.createIndex('events_resource').on('events').columns(['resource_id', 'number']).execute();
}

async function createAgreements(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('terms_agreements')
    .addColumn('load_balancer_id', 'text', (column) =>
      column.notNull().references('load_balancers.id').onDelete('cascade'),
    )
    .addColumn('directory', 'text', (column) => column.notNull())
    .addColumn('terms', 'text', (column) => column.notNull())
    .addColumn('agreed_by', 'text', (column) => column.notNull())
    .addColumn('agreed_at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('terms_agreements_key', ['load_balancer_id', 'directory', 'terms'])
    .execute();
}
