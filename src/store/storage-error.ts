import { AppError, messageOf, systemCode } from '../base/errors.ts';

/** SQLite's result codes (https://www.sqlite.org/rescode.html), the low byte. */
const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT_UNIQUE = 2067;
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const POSTGRES_UNIQUE_VIOLATION = '23505';
const POSTGRES_DISK_FULL = '53100';

/** Turns what a database throws into the error that the user should read; anything else comes back as it is. */
export function storageError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (isUniqueViolation(error)) return nameTaken(error);
  if (isStorageFull(error)) {
    return new AppError('storage_full', 'the disk that holds the database is full; nothing was changed', {
      hint: 'Make room in the data folder; reads and the load balancers themselves work on.',
      cause: error,
    });
  }
  if (primaryCode(error) === SQLITE_BUSY) {
    return new AppError('unavailable', 'another process holds the database', {
      hint: 'Only one control plane may use a data folder: stop the other one.',
      cause: error,
    });
  }
  return error;
}

function nameTaken(error: unknown): AppError {
  const table = /failed: (\w+)\./.exec(messageOf(error))?.[1] ?? 'resource';
  return new AppError('name_taken', `the name is in use already (${table.replaceAll('_', ' ')})`, {
    cause: error,
  });
}

function isUniqueViolation(error: unknown): boolean {
  const code = resultCode(error);
  if (code === SQLITE_CONSTRAINT_UNIQUE || code === SQLITE_CONSTRAINT_PRIMARYKEY) return true;
  return systemCode(error) === POSTGRES_UNIQUE_VIOLATION;
}

function isStorageFull(error: unknown): boolean {
  const code = primaryCode(error);
  if (code === SQLITE_FULL) return true;
  // On some file systems a full disk shows as a write that failed.
  if (code === SQLITE_IOERR && /disk|space/i.test(messageOf(error))) return true;
  return systemCode(error) === 'ENOSPC' || systemCode(error) === POSTGRES_DISK_FULL;
}

function primaryCode(error: unknown): number | undefined {
  const code = resultCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function resultCode(error: unknown): number | undefined {
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number') return error.errcode;
  return undefined;
}
