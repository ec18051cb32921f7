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
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const cause = messageOf(error);
  if (/previously executed migration .* is missing/.test(cause)) throw newerSchema(list, error);
  const failed = results.find((result) => result.status === 'Error')?.migrationName ?? 'the migrations';
  throw new AppError('unavailable', `the database cannot be brought up to date: ${failed}: ${cause}`, {
    hint: 'The database is as it was before. Look at the cause, then start again.',
    cause: error,
  });
}

function newerSchema(list: Readonly<Record<string, Migration>>, cause: unknown): AppError {
  const newest = Object.keys(list).at(-1) ?? 'none';
  return new AppError('unavailable', 'the database was written by a newer version of agentmetal', {
    hint: `This version knows the schema up to ${newest}: install the newer version again.`,
    cause,
  });
}
