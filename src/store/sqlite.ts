import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type Dialect, SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';

/** Statements kept compiled; more than the store has, so that only lists of varying length are compiled anew. */
const STATEMENT_CACHE = 256;

/** The embedded database in one file. All that is particular to SQLite is here. */
export function sqliteDialect(path: string): Dialect {
  return new SqliteDialect({ database: async () => openDatabase(path) });
}

function openDatabase(path: string): SqliteDatabase {
  // The file exists with 0600 before SQLite writes to it; the -wal and -shm files take their mode from it.
  if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 5000 });
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000');
  return adapt(database);
}

function adapt(database: DatabaseSync): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(text) {
      // A transaction that reads first and writes later would fail instead of wait if another process wrote in between.
      const sql = text === 'begin' ? 'begin immediate' : text;
      if (sql === 'rollback') return rollback(database);
      const known = cache.get(sql);
      if (known) return known;
      const statement = adaptStatement(database.prepare(sql));
      if (cache.size >= STATEMENT_CACHE) cache.delete(cache.keys().next().value ?? '');
      cache.set(sql, statement);
      return statement;
    },
  };
}

/** A full disk makes SQLite roll back by itself; a second one would fail and hide why. */
function rollback(database: DatabaseSync): SqliteStatement {
  return {
    reader: false,
    all: () => [],
    run() {
      if (database.isTransaction) database.exec('rollback');
      return { changes: 0, lastInsertRowid: 0 };
    },
    iterate: () => [][Symbol.iterator](),
  };
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  };
}
