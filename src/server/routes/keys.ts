import type { keyRoutes } from '../../api/contract/keys.ts';
import type { Key, ResourceDryRun } from '../../api/resources.ts';
import { AppError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import { type KeyRecord, countAdminKeys, deleteKey, findKey, insertKey, listKeys } from '../../store/keys.ts';
import type { Tx } from '../../store/open.ts';
import { type ServerContext, timestamp } from '../context.ts';
import type { Handlers } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import type { Writer } from '../http/write.ts';
import { hashSecret, newSecret, secretPrefix } from '../secrets.ts';

export function keyHandlers(context: ServerContext, write: Writer): Handlers<typeof keyRoutes> {
  const { store, newId, randomBytes } = context;
  return {
    async listKeys(request) {
      const { query } = request;
      const keys = await store.transaction((tx) =>
        listKeys(tx, pageStart<string>(query, ''), query.limit + 1),
      );
      return pageAnswer(request, keys, ({ name }) => name, keyView);
    },
    createKey: (request) =>
      write(request, async (tx) => {
        const { name, role } = request.body;
        await requireFreeName(tx, name);
        if (request.query.dryRun) return { answer: { status: 200, body: dryRunOf({ to: { name, role } }) } };
        const secret = newSecret('am', randomBytes);
        const record = keyRecord({ id: newId('key'), name, role, secret, createdAt: timestamp(context) });
        await insertKey(tx, record);
        const headers = { location: `/v1/keys/${record.id}`, 'cache-control': 'no-store' };
        return { answer: { status: 201, headers, body: { ...keyView(record), key: secret } } };
      }),
    async getKey({ params }) {
      return { status: 200, body: keyView(await store.transaction((tx) => requireKey(tx, params.key))) };
    },
    revokeKey: (request) =>
      write(request, async (tx) => {
        const key = await requireKey(tx, request.params.key);
        if (key.role === 'admin' && (await countAdminKeys(tx)) === 1) throw lastAdminKey(key);
        await deleteKey(tx, key.id);
        if (!request.query.dryRun) return { answer: { status: 204 } };
        return { answer: { status: 200, body: dryRunOf({ from: { name: key.name, role: key.role } }) } };
      }),
  };
}

/** A key as it is stored. */
export function keyRecord({
  secret,
  ...rest
}: Pick<KeyRecord, 'id' | 'name' | 'role' | 'createdAt'> & { secret: string }): KeyRecord {
  return { ...rest, hash: hashSecret(secret), prefix: secretPrefix(secret), lastUsedAt: null };
}

async function requireKey(tx: Tx, nameOrId: string): Promise<KeyRecord> {
  const key = await findKey(tx, nameOrId);
  if (key) return key;
  throw new AppError('not_found', `there is no API key ${shorten(nameOrId)}`, {
    hint: 'List them with `agentmetal key list`.',
  });
}

async function requireFreeName(tx: Tx, name: string): Promise<void> {
  const other = await findKey(tx, name);
  if (!other) return;
  throw new AppError('name_taken', `there is an API key ${name} already (${other.id})`, {
    hint: `Choose another name, or revoke that one: agentmetal key revoke ${name}`,
  });
}

function lastAdminKey({ name }: KeyRecord): AppError {
  return new AppError(
    'last_admin_key',
    `${name} is the last admin key: without it nobody could make another`,
    {
      hint: 'Make another one first: agentmetal key create NAME --role admin',
    },
  );
}

function keyView({ id, name, role, prefix, createdAt, lastUsedAt }: KeyRecord): Key {
  return { id, name, role, prefix, createdAt, lastUsedAt };
}

function dryRunOf(change: { from?: unknown; to?: unknown }): ResourceDryRun {
  return { dryRun: true, diff: [{ pointer: '', ...change }], loadBalancers: [] };
}
