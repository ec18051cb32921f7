import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { AppError, messageOf } from '../base/errors.ts';
import { migrate } from './migrate.ts';
import type { Database } from './schema.ts';
import { sqliteDialect } from './sqlite.ts';
import { storageError } from './storage-error.ts';

/** What the queries of the store run on: always inside {@link Store.transaction}. */
export type Tx = Kysely<Database>;

export interface Store {
  /**
   * Runs reads and writes as one: all of it is durable when the promise resolves, none of it when it rejects.
   * Transactions run one after another, so that what is read does not change before it is written.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Opens the embedded database `agentmetal.db` in a folder, making both when missing. */
export async function openStore(dataDir: string): Promise<Store> {
  const path = join(dataDir, 'agentmetal.db');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return await openDatabaseStore(new Kysely<Database>({ dialect: sqliteDialect(path) }));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('unavailable', `the database ${path} cannot be opened: ${messageOf(error)}`, {
      hint: 'Check that the folder exists and may be written to, or name another one with --data-dir.',
      cause: error,
    });
  }
}

async function openDatabaseStore(db: Kysely<Database>): Promise<Store> {
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw storageError(error);
  }
  return {
    async transaction(work) {
      try {
        return await db.transaction().execute(work);
      } catch (error) {
        throw storageError(error);
      }
    },
    close: () => db.destroy(),
  };
}
