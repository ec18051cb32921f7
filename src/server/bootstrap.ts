import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError, messageOf, systemCode } from '../base/errors.ts';
import { DEFAULT_VPC } from '../spec/vpc.ts';
import { insertKey, listKeys } from '../store/keys.ts';
import { listLoadBalancers } from '../store/load-balancers.ts';
import { findMachine, touchMachines, updateMachine } from '../store/machines.ts';
import { nextChangeVersion, readMeta, writeMeta } from '../store/meta.ts';
import { insertNode, nodesOf, touchNodes } from '../store/nodes.ts';
import type { Tx } from '../store/open.ts';
import { findVpc, insertVpc } from '../store/vpcs.ts';
import { type ServerContext, timestamp } from './context.ts';
import { insertNewMachine } from './machines/new-machine.ts';
import { keyRecord } from './routes/keys.ts';
import { equalHashes, hashSecret, newSecret } from './secrets.ts';

/** The machine on which the control plane itself runs. */
const LOCAL_MACHINE = 'local';

export interface BootstrapOptions {
  /** Becomes the first admin key at first start; ignored later. */
  adminKey?: string | undefined;
  /** Where the token of the local agent is; absent when no agent runs beside the control plane. */
  localAgentTokenFile?: string | undefined;
}

/**
 * Makes what every control plane has: its id, the VPC `default`, an admin key, the local machine. All of it is kept
 * only if `open` succeeds: a port in use must not cost the first admin key, which can be told only once.
 * @returns what `open` returned, and the admin key when one was made up here, to be shown this once.
 */
export async function bootstrap<T>(
  context: ServerContext,
  { adminKey, localAgentTokenFile }: BootstrapOptions,
  open: () => Promise<T>,
): Promise<{ opened: T; adminKey?: string }> {
  return context.store.transaction(async (tx) => {
    if ((await readMeta(tx, 'control_plane_id')) === undefined) {
      await writeMeta(tx, 'control_plane_id', context.newId('cp'));
      await insertDefaultVpc(context, tx);
    }
    const made = await ensureAdminKey(context, tx, adminKey);
    if (localAgentTokenFile !== undefined) await ensureLocalMachine(context, tx, localAgentTokenFile);
    await followLoopbackSwitch(context, tx);
    const opened = await open();
    return { opened, ...(made === undefined ? {} : { adminKey: made }) };
  });
}

async function insertDefaultVpc(context: ServerContext, tx: Tx): Promise<void> {
  if (await findVpc(tx, DEFAULT_VPC.name)) return;
  const now = timestamp(context);
  await insertVpc(tx, {
    ...DEFAULT_VPC,
    id: context.newId('vpc'),
    sealed: null,
    revision: 1,
    createdAt: now,
    updatedAt: now,
  });
}

async function ensureAdminKey(
  context: ServerContext,
  tx: Tx,
  given: string | undefined,
): Promise<string | undefined> {
  if ((await listKeys(tx, '', 1)).length > 0) return undefined;
  if (given !== undefined && !/^[\u0021-\u007e]+$/.test(given)) {
    throw new AppError('invalid_request', 'the first admin key must be printable ASCII without spaces', {
      hint: 'Set AGENTMETAL_API_KEY to another value, or unset it to have a key made.',
    });
  }
  const secret = given ?? newSecret('am', context.randomBytes);
  const id = context.newId('key');
  await insertKey(tx, keyRecord({ id, name: 'admin', role: 'admin', secret, createdAt: timestamp(context) }));
  return given === undefined ? secret : undefined;
}

async function ensureLocalMachine(context: ServerContext, tx: Tx, file: string): Promise<void> {
  const machine = await findMachine(tx, LOCAL_MACHINE);
  const token = readToken(file);
  if (machine && token !== undefined && equalHashes(machine.tokenHash ?? '', hashSecret(token))) return;
  const fresh = newSecret('amt', context.randomBytes);
  // The file comes before the commit: a crash in between leaves a token that nobody knows, and the next start mends it.
  writeToken(file, fresh);
  if (machine) await updateMachine(tx, { ...machine, tokenHash: hashSecret(fresh) });
  else await addLocalMachine(context, tx, hashSecret(fresh));
}

async function addLocalMachine(context: ServerContext, tx: Tx, tokenHash: string): Promise<void> {
  const machine = await insertNewMachine(context, tx, { name: LOCAL_MACHINE, driver: 'local', tokenHash });
  for (const { id, placement } of await listLoadBalancers(tx, '', 100_000)) {
    if (placement === 'own' || (await nodesOf(tx, [id])).length > 0) continue;
    await insertNode(tx, { loadBalancerId: id, machineId: machine.id });
    await touchNodes(tx, id, await nextChangeVersion(tx));
  }
}

/** The switch is part of what agents are told, so a start with another value is a change for all of them. */
async function followLoopbackSwitch({ allowLoopbackBackends }: ServerContext, tx: Tx): Promise<void> {
  const value = String(allowLoopbackBackends);
  if ((await readMeta(tx, 'allow_loopback_backends')) === value) return;
  await writeMeta(tx, 'allow_loopback_backends', value);
  await touchMachines(tx, await nextChangeVersion(tx));
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new AppError('unavailable', `the agent's token in ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function writeToken(file: string, token: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.new`;
  writeFileSync(temporary, `${token}\n`, { mode: 0o600 });
  // A file left by a crash keeps its old mode, and the token must never be readable by others.
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}
