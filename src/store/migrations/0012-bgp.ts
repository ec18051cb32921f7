import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Passwords of the routers of VPCs. */
export const bgp: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('vpcs').addColumn('sealed', 'text').execute();
  },
};
