import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Passwords of the routers of VPCs, and certificates by which machines know each other. */
export const bgp: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('vpcs').addColumn('sealed', 'text').execute();
    await db.schema.alterTable('machines').addColumn('peer_certificate', 'text').execute();
  },
};
