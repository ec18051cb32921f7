import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { AppError, messageOf } from '../base/errors.ts';
import { migrations } from './migrations/list.ts';
import type { Database } from './schema.ts';

/** Brings the database to the newest schema, or says why it cannot be. */
export async function migrate(
  db: Kysely<Database>,
  list: Readonly<Record<string, Migration>> = migrations,
): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...list }) } });
  await refuseNewerSchema(migrator, list);
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results.find((result) => result.status === 'Error')?.migrationName ?? 'the migrations';
  throw new AppError('unavailable', `the database cannot be brought up to date: ${failed}: ${messageOf(error)}`, {
    hint: 'The database is as it was before. Look at the cause, then start again.',
    cause: error,
  });
}

async function refuseNewerSchema(migrator: Migrator, list: Readonly<Record<string, Migration>>): Promise<void> {
  // The migrator fails on a name that it does not know; this says in words what that means.
  const known = await migrator.getMigrations().catch((error: unknown) => messageOf(error));
  const newest = Object.keys(list).at(-1) ?? 'none';
  if (typeof known === 'string' && /is missing/.test(known)) throw newerSchema(newest, known);
}

function newerSchema(newest: string, cause: string): AppError {
  return new AppError('unavailable', `the database was written by a newer version of agentmetal (${cause})`, {
    hint: `This version knows the schema up to ${newest}: install the newer version again.`,
  });
}
