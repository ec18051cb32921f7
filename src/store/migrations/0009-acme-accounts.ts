import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The account with a CA that the nodes of a load balancer use. */
export const acmeAccounts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('acme_accounts')
      .addColumn('load_balancer_id', 'text', (column) =>
        column.notNull().references('load_balancers.id').onDelete('cascade'),
      )
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('acme_accounts_key', ['load_balancer_id', 'server'])
      .execute();
  },
};
