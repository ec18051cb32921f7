import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { preferredRouterId } from '../../api/router-id.ts';

/**
 * Several floating addresses for a load balancer, each with its virtual router id, and nodes that clients are not sent to.
 * The address that one has, and the id that its nodes have made of the load balancer's, stay as they are.
 */
export const spread: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .alterTable('load_balancers')
      .addColumn('floating', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
    const { rows } = await sql<{
      id: string;
      floating_address: string;
    }>`select id, floating_address from load_balancers where floating_address is not null`.execute(db);
    for (const { id, floating_address: address } of rows) {
      const first = { address, routerId: preferredRouterId(id), home: null, isServed: true, freeAt: null };
      await sql`update load_balancers set floating = ${JSON.stringify([first])} where id = ${id}`.execute(db);
    }
    await db.schema.alterTable('load_balancers').dropColumn('floating_address').execute();
    await db.schema.alterTable('nodes').addColumn('left_out', 'text').execute();
  },
};
