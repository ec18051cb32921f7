import type { Selectable } from 'kysely';
import type { Upgrader } from '../api/agent.ts';
import type { CertificateAuthority } from '../api/certificates.ts';
import type { HostLayout } from '../spec/host-layout.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/** How a machine comes about. */
export type MachineDriver = 'local' | 'ssh' | 'manual' | 'container' | 'libvirt';

export interface MachineRecord {
  id: string;
  name: string;
  driver: MachineDriver;
  /** SHA-256 of the agent's credential, hexadecimal; null where it has none. */
  tokenHash: string | null;
  changeVersion: number;
  agentVersion: string | null;
  haproxyVersion: string | null;
  /** How HAProxy is laid out there; null before the first report. */
  layout: HostLayout | null;
  hostAddresses: string[];
  /** Why its agent does not follow this control plane; null when it does. */
  fault: string | null;
  /** The CA that its agent orders certificates from; null until it has told. */
  authority: CertificateAuthority | null;
  /** By which its HAProxy is known to those of other machines (PEM); null until its agent has told. */
  peerCertificate: string | null;
  lastReportAt: string | null;
  createdAt: string;
  /** Its operating system as it names itself; null before its agent has told. */
  os: string | null;
  /** What its agent tells of how it is upgraded; null where it cannot be. */
  upgrader: Upgrader | null;
}

export async function insertMachine(tx: Tx, machine: MachineRecord): Promise<void> {
  await tx.insertInto('machines').values(toRow(machine)).execute();
}

export async function updateMachine(tx: Tx, machine: MachineRecord): Promise<void> {
  const { id, ...columns } = toRow(machine);
  await tx.updateTable('machines').set(columns).where('id', '=', id).execute();
}

/** Deletes a machine that is no node any more. */
export async function deleteMachine(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('machines').where('id', '=', id).execute();
}

/** Marks a machine as changed, though none of its nodes is: one of them is gone. */
export async function touchMachine(tx: Tx, id: string, version: number): Promise<void> {
  await tx.updateTable('machines').set({ change_version: version }).where('id', '=', id).execute();
}

export async function touchMachines(tx: Tx, version: number): Promise<void> {
  await tx.updateTable('nodes').set({ change_version: version }).execute();
  await tx.updateTable('machines').set({ change_version: version }).execute();
}

export async function findMachine(tx: Tx, nameOrId: string): Promise<MachineRecord | undefined> {
  const row = await tx
    .selectFrom('machines')
    .selectAll()
    .where((where) => where.or([where('id', '=', nameOrId), where('name', '=', nameOrId)]))
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function findMachineByToken(tx: Tx, tokenHash: string): Promise<MachineRecord | undefined> {
  const row = await tx
    .selectFrom('machines')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Machines in the order of their names, those after `after`. */
export async function listMachines(tx: Tx, after = '', limit = 10_000): Promise<MachineRecord[]> {
  const rows = await tx
    .selectFrom('machines')
    .selectAll()
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

function toRow(machine: MachineRecord): Selectable<Database['machines']> {
  const { id, name, driver, layout } = machine;
  return {
    id,
    name,
    driver,
    token_hash: machine.tokenHash ?? `none:${id}`,
    change_version: machine.changeVersion,
    agent_version: machine.agentVersion,
    haproxy_version: machine.haproxyVersion,
    layout: layout && JSON.stringify(layout),
    host_addresses: JSON.stringify(machine.hostAddresses),
    fault: machine.fault,
    authority: machine.authority && JSON.stringify(machine.authority),
    peer_certificate: machine.peerCertificate,
    last_report_at: machine.lastReportAt,
    created_at: machine.createdAt,
    os: machine.os,
    upgrader: machine.upgrader && JSON.stringify(machine.upgrader),
  };
}

function fromRow(row: Selectable<Database['machines']>): MachineRecord {
  return {
    id: row.id,
    name: row.name,
    driver: row.driver as MachineDriver,
    tokenHash: row.token_hash.startsWith('none:') ? null : row.token_hash,
    changeVersion: row.change_version,
    agentVersion: row.agent_version,
    haproxyVersion: row.haproxy_version,
    layout: row.layout === null ? null : (JSON.parse(row.layout) as HostLayout),
    hostAddresses: JSON.parse(row.host_addresses) as string[],
    fault: row.fault,
    peerCertificate: row.peer_certificate,
    authority: row.authority === null ? null : (JSON.parse(row.authority) as CertificateAuthority),
    lastReportAt: row.last_report_at,
    createdAt: row.created_at,
    os: row.os,
    upgrader: row.upgrader === null ? null : (JSON.parse(row.upgrader) as Upgrader),
  };
}
