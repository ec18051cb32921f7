import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createNetworks(db);
    await createLoadBalancers(db);
    await createRevisions(db);
    await createAccess(db);
  },
};

async function createNetworks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('meta')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('vpcs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('labels', 'text', (column) => column.notNull())
    .addColumn('spec', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('machines')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('driver', 'text', (column) => column.notNull())
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('change_version', 'integer', (column) => column.notNull())
    .addColumn('agent_version', 'text')
    .addColumn('haproxy_version', 'text')
    .addColumn('layout', 'text')
    .addColumn('host_addresses', 'text', (column) => column.notNull())
    .addColumn('fault', 'text')
    .addColumn('last_report_at', 'text')
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
}

async function createLoadBalancers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('load_balancers')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('labels', 'text', (column) => column.notNull())
    .addColumn('spec', 'text', (column) => column.notNull())
    .addColumn('vpc_id', 'text', (column) => column.notNull().references('vpcs.id'))
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('ports', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('load_balancers_vpc').on('load_balancers').column('vpc_id').execute();
  await db.schema
    .createTable('nodes')
    .addColumn('load_balancer_id', 'text', (column) =>
      column.notNull().references('load_balancers.id').onDelete('cascade'),
    )
    .addColumn('machine_id', 'text', (column) => column.notNull().references('machines.id'))
    .addColumn('change_version', 'integer', (column) => column.notNull())
    .addColumn('observed_revision', 'integer', (column) => column.notNull())
    .addColumn('settled_revision', 'integer', (column) => column.notNull())
    .addColumn('backends', 'text', (column) => column.notNull())
    .addColumn('haproxy', 'text')
    .addColumn('reported_at', 'text')
    .addPrimaryKeyConstraint('nodes_key', ['load_balancer_id', 'machine_id'])
    .execute();
  await db.schema
    .createIndex('nodes_machine')
    .on('nodes')
    .columns(['machine_id', 'change_version'])
    .execute();
}

async function createRevisions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('revisions')
    .addColumn('load_balancer_id', 'text', (column) =>
      column.notNull().references('load_balancers.id').onDelete('cascade'),
    )
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('restored_from', 'integer')
    .addColumn('author', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('labels', 'text', (column) => column.notNull())
    .addColumn('spec', 'text', (column) => column.notNull())
    .addColumn('diff', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('revisions_key', ['load_balancer_id', 'number'])
    .execute();
  await db.schema
    .createTable('receipts')
    .addColumn('load_balancer_id', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('machine_id', 'text', (column) => column.notNull().references('machines.id'))
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('receipt', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('receipts_key', ['load_balancer_id', 'revision', 'machine_id'])
    .addForeignKeyConstraint(
      'receipts_revision',
      ['load_balancer_id', 'revision'],
      'revisions',
      ['load_balancer_id', 'number'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
}

async function createAccess(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('prefix', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('last_used_at', 'text')
    .execute();
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('key_id', 'text', (column) => column.notNull().references('api_keys.id').onDelete('cascade'))
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('status', 'integer', (column) => column.notNull())
    .addColumn('headers', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_keys_key', ['key_id', 'key'])
    .execute();
  await db.schema.createIndex('idempotency_keys_age').on('idempotency_keys').column('created_at').execute();
}
