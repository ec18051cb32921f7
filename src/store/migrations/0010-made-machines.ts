import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Machines that the control plane has made itself: for which load balancer, and what they are. */
export const madeMachines: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('machine_hosts').addColumn('made', 'text').execute();
  },
};
