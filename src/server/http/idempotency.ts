import { createHash } from 'node:crypto';
import { AppError } from '../../base/errors.ts';
import { deleteIdempotentBefore, findIdempotent, saveIdempotent } from '../../store/idempotency.ts';
import type { Tx } from '../../store/open.ts';
import { type ServerContext, timestamp } from '../context.ts';
import type { Answer, ApiRequest } from './handler.ts';
import { seal, unseal } from './sealed.ts';

const KEPT_MS = 24 * 60 * 60 * 1000;
const KEY = /^[\u0020-\u007e]{1,255}$/;

type Request = Pick<ApiRequest, 'headers' | 'identity' | 'method' | 'rawBody' | 'token' | 'url'>;

/** One use of an Idempotency-Key. */
export interface IdempotentUse {
  /** The answer that an earlier request with the key got. */
  replay(tx: Tx): Promise<Answer | undefined>;
  /** Keeps the answer; in the transaction of the write, so that there is no write without its answer. */
  keep(tx: Tx, answer: Answer): Promise<void>;
  release(): void;
}

export interface Idempotency {
  /** Takes the request's key, if it has one. */
  begin(request: Request): IdempotentUse | undefined;
}

export function createIdempotency(context: Pick<ServerContext, 'clock' | 'randomBytes'>): Idempotency {
  const running = new Set<string>();
  return {
    begin(request) {
      const header = [request.headers['idempotency-key'] ?? []].flat()[0];
      if (request.method !== 'POST' || header === undefined || request.identity.kind !== 'key')
        return undefined;
      if (!KEY.test(header)) {
        throw new AppError(
          'invalid_request',
          'the Idempotency-Key must be 1 to 255 printable ASCII characters',
        );
      }
      const slot = `${request.identity.id} ${header}`;
      if (running.has(slot)) {
        throw new AppError('idempotency_in_flight', 'a request with this Idempotency-Key is still running', {
          hint: 'Wait for its answer, or send this request again in a moment.',
        });
      }
      running.add(slot);
      return createUse(context, request, {
        keyId: request.identity.id,
        key: header,
        done: () => running.delete(slot),
      });
    },
  };
}

function createUse(
  context: Pick<ServerContext, 'clock' | 'randomBytes'>,
  request: Request,
  { keyId, key, done }: { keyId: string; key: string; done: () => void },
): IdempotentUse {
  const fingerprint = fingerprintOf(request);
  const secret = `${request.token} ${key}`;
  return {
    async replay(tx) {
      await deleteIdempotentBefore(tx, new Date(context.clock.now() - KEPT_MS).toISOString());
      const known = await findIdempotent(tx, keyId, key);
      if (!known) return undefined;
      if (known.fingerprint !== fingerprint) throw mismatch();
      const headers = { ...known.headers, 'idempotency-replayed': 'true' };
      const body = unseal(known.body, secret);
      return { status: known.status, headers, ...(body === '' ? {} : { body: JSON.parse(body) as unknown }) };
    },
    async keep(tx, { status, headers = {}, body }) {
      const sealed = seal(body === undefined ? '' : JSON.stringify(body), secret, context.randomBytes(12));
      await saveIdempotent(tx, {
        keyId,
        key,
        fingerprint,
        status,
        headers,
        body: sealed,
        createdAt: timestamp(context),
      });
    },
    release: done,
  };
}

function fingerprintOf({ method, url, rawBody }: Request): string {
  return createHash('sha256').update(`${method} ${url}\n`).update(rawBody).digest('hex');
}

function mismatch(): AppError {
  return new AppError('idempotency_mismatch', 'this Idempotency-Key was used with another request', {
    hint: 'Use a new key for a new request.',
  });
}
