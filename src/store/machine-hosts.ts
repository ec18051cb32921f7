import type { Selectable } from 'kysely';
import type { MachineFault, MachinePhase, MachineStep } from '../spec/machine.ts';
import type { Labels } from '../spec/name.ts';
import type { MachineRelease } from '../spec/vpc-driver.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/** How a machine is logged in to. */
export interface HostSsh {
  port: number;
  user: string;
  /** Fingerprint of the host key that it must show. */
  hostKey: string;
  /** The private key, sealed. */
  sealedKey: string;
}

/** What the control plane has made a machine as. */
export interface MadeMachine {
  /** The load balancer that it is made for, and that alone gets it. */
  loadBalancerId: string;
  /** Release of Debian. */
  release: MachineRelease;
}

/** The token with which a machine's agent gets its credential. */
export interface Enrolment {
  /** SHA-256 of the token, hexadecimal. The token itself is never stored. */
  hash: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  isUsed: boolean;
}

/** What is known of a machine in a VPC beside its agent's reports: how it is reached, and how far it is. */
export interface MachineHost {
  machineId: string;
  vpcId: string;
  labels: Labels;
  /** Its address in the VPC; null until it has told one. */
  address: string | null;
  /** The address on which clients reach it; null where it has no other. */
  publicAddress: string | null;
  /** How an operator's machine is logged in to; null for one to which nobody logs in, and for one that was made. */
  ssh: HostSsh | null;
  /** null for one that was there before. */
  made: MadeMachine | null;
  phase: MachinePhase;
  /** Nothing new comes to it, and what is on it moves away. */
  isDraining: boolean;
  steps: readonly MachineStep[];
  /** What went wrong last; null when nothing did. */
  fault: MachineFault | null;
  /** Failed attempts in a row. */
  attempts: number;
  /** When to go on, milliseconds since the epoch. */
  nextAt: number;
  enrolment: Enrolment | null;
}

export async function insertMachineHost(tx: Tx, host: MachineHost): Promise<void> {
  await tx.insertInto('machine_hosts').values(toRow(host)).execute();
}

export async function updateMachineHost(tx: Tx, host: MachineHost): Promise<void> {
  const { machine_id: id, ...columns } = toRow(host);
  await tx.updateTable('machine_hosts').set(columns).where('machine_id', '=', id).execute();
}

export async function findMachineHost(tx: Tx, machineId: string): Promise<MachineHost | undefined> {
  const row = await tx
    .selectFrom('machine_hosts')
    .selectAll()
    .where('machine_id', '=', machineId)
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function findMachineHostByEnrolment(tx: Tx, hash: string): Promise<MachineHost | undefined> {
  const row = await tx
    .selectFrom('machine_hosts')
    .selectAll()
    .where('enrol_hash', '=', hash)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Every machine that is in a VPC. */
export async function listMachineHosts(tx: Tx): Promise<MachineHost[]> {
  const rows = await tx.selectFrom('machine_hosts').selectAll().orderBy('machine_id').execute();
  return rows.map(fromRow);
}

/** Whether a VPC has machines of its own that are not on their way out. */
export async function hasMachineHosts(tx: Tx, vpcId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('machine_hosts')
    .select('machine_id')
    .where('vpc_id', '=', vpcId)
    .where('phase', '!=', 'removing')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether somebody types a line on it, because nothing else leads there. */
export function isManual({ ssh, made }: Pick<MachineHost, 'ssh' | 'made'>): boolean {
  return ssh === null && made === null;
}

function toRow(host: MachineHost): Selectable<Database['machine_hosts']> {
  const { ssh, enrolment } = host;
  return {
    machine_id: host.machineId,
    vpc_id: host.vpcId,
    labels: JSON.stringify(host.labels),
    address: host.address,
    public_address: host.publicAddress,
    ssh: ssh && JSON.stringify({ port: ssh.port, user: ssh.user, hostKey: ssh.hostKey }),
    sealed_key: ssh && ssh.sealedKey,
    made: host.made && JSON.stringify(host.made),
    phase: host.phase,
    draining: Number(host.isDraining),
    steps: JSON.stringify(host.steps),
    fault: host.fault && JSON.stringify(host.fault),
    attempts: host.attempts,
    next_at: host.nextAt,
    enrol_hash: enrolment && enrolment.hash,
    enrol_expires_at: enrolment && enrolment.expiresAt,
    enrol_used: Number(enrolment?.isUsed ?? false),
  };
}

function fromRow(row: Selectable<Database['machine_hosts']>): MachineHost {
  return {
    machineId: row.machine_id,
    vpcId: row.vpc_id,
    labels: JSON.parse(row.labels) as Labels,
    address: row.address,
    publicAddress: row.public_address,
    ssh:
      row.ssh === null
        ? null
        : {
            ...(JSON.parse(row.ssh) as Pick<HostSsh, 'port' | 'user' | 'hostKey'>),
            sealedKey: row.sealed_key ?? '',
          },
    made: row.made === null ? null : (JSON.parse(row.made) as MadeMachine),
    phase: row.phase as MachinePhase,
    isDraining: row.draining !== 0,
    steps: JSON.parse(row.steps) as MachineStep[],
    fault: row.fault === null ? null : (JSON.parse(row.fault) as MachineFault),
    attempts: row.attempts,
    nextAt: Number(row.next_at),
    enrolment:
      row.enrol_hash === null
        ? null
        : { hash: row.enrol_hash, expiresAt: Number(row.enrol_expires_at), isUsed: row.enrol_used !== 0 },
  };
}
