import { type MachineRecord, insertMachine } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import type { Tx } from '../../store/open.ts';
import { type ServerContext, timestamp } from '../context.ts';

/** Writes down a machine of which its agent has told nothing yet. */
export async function insertNewMachine(
  context: Pick<ServerContext, 'clock' | 'newId'>,
  tx: Tx,
  { name, driver, tokenHash }: Pick<MachineRecord, 'name' | 'driver' | 'tokenHash'>,
): Promise<MachineRecord> {
  const machine: MachineRecord = {
    id: context.newId('machine'),
    name,
    driver,
    tokenHash,
    changeVersion: await nextChangeVersion(tx),
    agentVersion: null,
    haproxyVersion: null,
    layout: null,
    hostAddresses: [],
    fault: null,
    authority: null,
    peerCertificate: null,
    lastReportAt: null,
    createdAt: timestamp(context),
    os: null,
    upgrader: null,
  };
  await insertMachine(tx, machine);
  return machine;
}
