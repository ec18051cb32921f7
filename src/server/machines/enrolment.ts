import type { Enrolled, EnrolInput } from '../../api/machines.ts';
import { AppError } from '../../base/errors.ts';
import {
  type Enrolment,
  type MachineHost,
  findMachineHostByEnrolment,
  updateMachineHost,
} from '../../store/machine-hosts.ts';
import { type MachineRecord, findMachine, findMachineByToken, updateMachine } from '../../store/machines.ts';
import { readMeta } from '../../store/meta.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { hashSecret } from '../secrets.ts';

const VALID_MS = 10 * 60_000;
const TOKEN_BYTES = 32;

/** A new token, and how it is kept. */
export function newEnrolment({ clock, randomBytes }: Pick<ServerContext, 'clock' | 'randomBytes'>): {
  token: string;
  enrolment: Enrolment;
} {
  const token = `ame_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  return {
    token,
    enrolment: { hash: hashSecret(token), expiresAt: clock.now() + VALID_MS, isUsed: false },
  };
}

/** The machine of a token that has not been used and is not too old. */
export async function machineOfToken(
  { clock }: Pick<ServerContext, 'clock'>,
  tx: Tx,
  token: string,
): Promise<{ machine: MachineRecord; host: MachineHost }> {
  const found = await findByToken(tx, token);
  requireFresh(found, clock.now());
  if (found.enrolment.isUsed)
    throw refused(`the token of machine ${found.machine.name} was used already`, found);
  return found;
}

/**
 * Makes the credential that an agent has made for itself the one of its machine. The same credential may come again with
 * the same token, because the answer may have been lost; another one may not.
 */
export async function enrolAgent(
  { store, clock }: Pick<ServerContext, 'store' | 'clock'>,
  { token, credentialHash }: EnrolInput,
): Promise<Enrolled> {
  return store.transaction(async (tx) => {
    const found = await findByToken(tx, token);
    const { machine, host, enrolment } = found;
    const controlPlaneId = (await readMeta(tx, 'control_plane_id')) ?? '';
    const answer = { machine: machine.name, controlPlaneId };
    if (enrolment.isUsed && machine.tokenHash === credentialHash) return answer;
    requireFresh(found, clock.now());
    if (enrolment.isUsed) throw refused(`the token of machine ${machine.name} was used already`, found);
    if (await findMachineByToken(tx, credentialHash))
      throw refused(`the credential for machine ${machine.name} is another machine’s`, found);
    await updateMachine(tx, { ...machine, tokenHash: credentialHash });
    await updateMachineHost(tx, { ...host, enrolment: { ...enrolment, isUsed: true } });
    return answer;
  });
}

interface FoundToken {
  machine: MachineRecord;
  host: MachineHost;
  enrolment: Enrolment;
}

async function findByToken(tx: Tx, token: string): Promise<FoundToken> {
  const host = await findMachineHostByEnrolment(tx, hashSecret(token));
  const machine = host && (await findMachine(tx, host.machineId));
  if (host?.enrolment && machine && host.phase !== 'removing')
    return { machine, host, enrolment: host.enrolment };
  throw new AppError('enrolment_refused', 'the token to enrol with is not known here', {
    hint: 'It was replaced by a newer one, or its machine was removed. Make a new one: agentmetal machine retry NAME',
  });
}

function requireFresh(found: FoundToken, now: number): void {
  if (now < found.enrolment.expiresAt) return;
  throw refused(`the token of machine ${found.machine.name} is older than ten minutes`, found);
}

function refused(detail: string, { machine }: Pick<FoundToken, 'machine'>): AppError {
  return new AppError('enrolment_refused', detail, {
    hint: `Make a new one: agentmetal machine retry ${machine.name}`,
  });
}
