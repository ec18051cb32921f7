import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf, systemCode } from '../base/errors.ts';

/** File in the data directory with the key that secrets in the store are sealed with. */
export const SEALING_KEY_FILE = 'sealing.key';

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Seals what the store must not hold in the clear: who has the database alone learns nothing from it. */
export interface Sealer {
  /** The text encrypted and authenticated, as printable text. Each call gives another. */
  seal(text: string): string;
  /** What {@link Sealer.seal} was given. Throws when it was sealed with another key or was changed. */
  open(sealed: string): string;
}

/**
 * A sealer (AES-256-GCM) with the key file of a data directory, mode 0600, made when there is none. A backup of the
 * database needs that file to be of use.
 */
export function createSealer(dataDirectory: string): Sealer {
  const file = join(dataDirectory, SEALING_KEY_FILE);
  const key = readKey(file) ?? makeKey(dataDirectory, file);
  return {
    seal: (text) => `${VERSION}.${encrypt(key, text).toString('base64url')}`,
    open(sealed) {
      try {
        return decrypt(key, sealed);
      } catch (error) {
        throw new AppError('internal', `a stored secret cannot be opened with the key in ${file}`, {
          hint: `Put back the ${SEALING_KEY_FILE} that belongs to this database, or enter the secret again.`,
          cause: error,
        });
      }
    },
  };
}

function encrypt(key: Buffer, text: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function decrypt(key: Buffer, sealed: string): string {
  const [version, text = ''] = sealed.split('.');
  if (version !== VERSION) throw new Error(`sealed as ${version}, not as ${VERSION}`);
  const bytes = Buffer.from(text, 'base64url');
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const body = bytes.subarray(IV_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
}

function readKey(file: string): Buffer | undefined {
  try {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    if (key.length === KEY_BYTES) return key;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unusable(file, messageOf(error), error);
  }
  throw unusable(file, `it does not hold ${KEY_BYTES} bytes in base64`);
}

/** The key is whole and on the disk before it has its name, so that no crash leaves half of one. */
function makeKey(directory: string, file: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeDurably(temporary, `${key.toString('base64')}\n`);
    // Unlike a rename, a link never replaces a key that somebody else has made in the meantime.
    linkSync(temporary, file);
    syncDirectory(directory);
    return key;
  } catch (error) {
    const made = systemCode(error) === 'EEXIST' ? readKey(file) : undefined;
    if (made) return made;
    throw unusable(file, messageOf(error), error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeDurably(path: string, text: string): void {
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function unusable(file: string, why: string, cause?: unknown): AppError {
  return new AppError('unavailable', `the key for stored secrets, ${file}, cannot be used: ${why}`, {
    hint: 'Check that the data directory may be written to, or put the key file back from a backup.',
    ...(cause === undefined ? {} : { cause }),
  });
}
