import type { IncomingHttpHeaders } from 'node:http';
import type { Route } from '../../api/contract/route.ts';
import type { Role } from '../../api/resources.ts';
import { AppError } from '../../base/errors.ts';
import { findKeyByHash } from '../../store/keys.ts';
import { findMachineByToken } from '../../store/machines.ts';
import type { Store } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { machineOfToken } from '../machines/enrolment.ts';
import { equalHashes, hashSecret } from '../secrets.ts';
import type { Identity } from './handler.ts';

type Context = Pick<ServerContext, 'store' | 'clock'>;

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };
const BEARER = /^Bearer +([\u0021-\u007e]+) *$/i;
const HINT = 'Send the header `Authorization: Bearer $API_KEY` with a key of `agentmetal key create`.';

/** The secret that a request shows; empty when it shows none. */
export function bearerToken(headers: IncomingHttpHeaders): string {
  return BEARER.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** Finds out who calls and whether that caller may. */
export async function authorize(
  context: Context,
  route: Pick<Route, 'role'>,
  token: string,
): Promise<Identity> {
  const { store } = context;
  if (route.role === 'public') return { kind: 'nobody' };
  if (route.role === 'enrol') {
    const { machine } = await store.transaction((tx) => machineOfToken(context, tx, token));
    return { kind: 'enrolling', id: machine.id, name: machine.name };
  }
  const identity = await identify(store, token);
  const fault = refusal(route.role, identity);
  if (fault !== undefined) throw new AppError('forbidden', fault);
  return identity;
}

async function identify(store: Store, token: string): Promise<Identity> {
  if (token === '') throw new AppError('unauthenticated', 'the request has no API key', { hint: HINT });
  const hash = hashSecret(token);
  return store.transaction(async (tx) => {
    const key = await findKeyByHash(tx, hash);
    if (key && equalHashes(key.hash, hash))
      return { kind: 'key', id: key.id, name: key.name, role: key.role };
    const machine = await findMachineByToken(tx, hash);
    if (machine && equalHashes(machine.tokenHash ?? '', hash)) {
      return { kind: 'machine', id: machine.id, name: machine.name };
    }
    throw new AppError('unauthenticated', 'the API key is not known here; it may have been revoked', {
      hint: HINT,
    });
  });
}

function refusal(role: Exclude<Route['role'], 'public' | 'enrol'>, identity: Identity): string | undefined {
  if (role === 'agent') {
    return identity.kind === 'machine'
      ? undefined
      : 'only the token of a machine’s agent may do this, not an API key';
  }
  if (identity.kind !== 'key') return 'the token of a machine’s agent may only be used for its agent';
  if (RANK[identity.role] >= RANK[role]) return undefined;
  return `the API key ${identity.name} is a ${identity.role}; this needs ${role === 'admin' ? 'an admin' : `an ${role}`}`;
}
