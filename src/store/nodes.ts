import type { Selectable } from 'kysely';
import type { LoadBalancerReport } from '../api/agent.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';
import { type ReportedBackends, readReported, saveReported } from './reported-backends.ts';

/** A load balancer on a machine: how far it is and what its agent last said of it. */
export interface NodeRecord {
  loadBalancerId: string;
  machineId: string;
  observedRevision: number;
  settledRevision: number;
  backends: ReportedBackends;
  haproxy: LoadBalancerReport['haproxy'] | null;
  /** When its agent last reported it; null before the first time. */
  reportedAt: string | null;
  /** Its place among the nodes: the lowest is the first. */
  position: number;
  /** What it last told of its floating addresses; null without any. */
  role: NonNullable<LoadBalancerReport['node']> | null;
  /** Why clients are not sent to its own address; null while they are. */
  leftOut: LeftOut | null;
}

/** Why clients are not sent to a node, and since when (RFC 3339). */
export interface LeftOut {
  reason: string;
  since: string;
}

/** A node without what its agent tells of backends. */
export interface PlacedNode extends Pick<
  NodeRecord,
  'loadBalancerId' | 'machineId' | 'observedRevision' | 'position' | 'role' | 'leftOut'
> {
  /** By its last report HAProxy runs there. */
  isServing: boolean;
}

export interface NewNode {
  loadBalancerId: string;
  machineId: string;
  /** Its place among the nodes. Default: 0. */
  position?: number;
  /** The change that makes it a node; 0 for a load balancer that is new. Default: 0. */
  joinedVersion?: number;
}

export async function insertNode(
  tx: Tx,
  { loadBalancerId, machineId, position = 0, joinedVersion = 0 }: NewNode,
): Promise<void> {
  await tx
    .insertInto('nodes')
    .values({
      load_balancer_id: loadBalancerId,
      machine_id: machineId,
      change_version: 0,
      observed_revision: 0,
      settled_revision: 0,
      backends: '[]',
      backends_tag: '',
      backends_size: 2,
      patches_size: 0,
      haproxy: null,
      reported_at: null,
      position,
      joined_version: joinedVersion,
      role: null,
      left_out: null,
    })
    .execute();
}

/** A machine is a node of the load balancer no more: what it told of it is forgotten, but for receipts. */
export async function deleteNode(
  tx: Tx,
  { loadBalancerId, machineId }: Pick<NodeRecord, 'loadBalancerId' | 'machineId'>,
): Promise<void> {
  await tx
    .deleteFrom('certificate_reports')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('machine_id', '=', machineId)
    .execute();
  await tx
    .deleteFrom('nodes')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('machine_id', '=', machineId)
    .execute();
}

/** The machines that serve a load balancer, without all that they have told. */
export async function machineIdsOf(tx: Tx, loadBalancerId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('nodes')
    .select('machine_id')
    .where('load_balancer_id', '=', loadBalancerId)
    .orderBy('machine_id')
    .execute();
  return rows.map((row) => row.machine_id);
}

/** Which machines serve which load balancers: all of them, or some. */
export async function listPlacements(tx: Tx, loadBalancerIds?: readonly string[]): Promise<PlacedNode[]> {
  const rows = await tx
    .selectFrom('nodes')
    .select([
      'load_balancer_id',
      'machine_id',
      'observed_revision',
      'position',
      'role',
      'left_out',
      'haproxy',
    ])
    .$if(loadBalancerIds !== undefined, (query) =>
      query.where('load_balancer_id', 'in', loadBalancerIds ?? []),
    )
    .orderBy('position')
    .orderBy('machine_id')
    .execute();
  return rows.map((row) => ({
    loadBalancerId: row.load_balancer_id,
    machineId: row.machine_id,
    observedRevision: row.observed_revision,
    position: row.position,
    role: readRole(row.role),
    leftOut: readLeftOut(row.left_out),
    isServing: row.haproxy !== null,
  }));
}

/** Notes why clients are not sent to a node, or that they are. */
export async function saveLeftOut(
  tx: Tx,
  { loadBalancerId, machineId }: Pick<NodeRecord, 'loadBalancerId' | 'machineId'>,
  leftOut: LeftOut | null,
): Promise<void> {
  await tx
    .updateTable('nodes')
    .set({ left_out: leftOut && JSON.stringify(leftOut) })
    .where('load_balancer_id', '=', loadBalancerId)
    .where('machine_id', '=', machineId)
    .execute();
}

export async function nodesOf(tx: Tx, loadBalancerIds: readonly string[]): Promise<NodeRecord[]> {
  if (loadBalancerIds.length === 0) return [];
  const rows = await tx
    .selectFrom('nodes')
    .select(COLUMNS)
    .where('load_balancer_id', 'in', loadBalancerIds)
    .orderBy('position')
    .orderBy('machine_id')
    .execute();
  const records: NodeRecord[] = [];
  for (const row of rows) records.push(await fromRow(tx, row));
  return records;
}

/** All but what the agent tells of backends, which may be megabytes. */
const COLUMNS = [
  'load_balancer_id',
  'machine_id',
  'observed_revision',
  'settled_revision',
  'backends_tag',
  'haproxy',
  'reported_at',
  'position',
  'role',
  'left_out',
] as const;

/** Marks all nodes of a load balancer, and their machines, as changed. */
export async function touchNodes(tx: Tx, loadBalancerId: string, version: number): Promise<string[]> {
  const nodes = await tx
    .updateTable('nodes')
    .set({ change_version: version })
    .where('load_balancer_id', '=', loadBalancerId)
    .returning('machine_id')
    .execute();
  const machineIds = nodes.map((node) => node.machine_id);
  if (machineIds.length > 0) {
    await tx.updateTable('machines').set({ change_version: version }).where('id', 'in', machineIds).execute();
  }
  return machineIds;
}

/** A load balancer that a machine must look at again. */
export interface ChangedNode {
  id: string;
  /** Whether the machine was told of it before the version that was asked with. */
  isKnown: boolean;
}

/** The load balancers of a machine: all their ids, and those that changed after a version. */
export async function machineNodes(
  tx: Tx,
  machineId: string,
  since: number,
): Promise<{ ids: string[]; changed: ChangedNode[] }> {
  const rows = await tx
    .selectFrom('nodes')
    .select(['load_balancer_id', 'change_version', 'joined_version'])
    .where('machine_id', '=', machineId)
    .orderBy('load_balancer_id')
    .execute();
  return {
    ids: rows.map((row) => row.load_balancer_id),
    changed: rows
      .filter((row) => row.change_version > since)
      .map((row) => ({ id: row.load_balancer_id, isKnown: row.joined_version <= since })),
  };
}

export async function saveNodeReport(tx: Tx, node: NodeRecord): Promise<void> {
  await tx
    .updateTable('nodes')
    .set({
      observed_revision: node.observedRevision,
      settled_revision: node.settledRevision,
      haproxy: node.haproxy ? JSON.stringify(node.haproxy) : null,
      reported_at: node.reportedAt,
      role: node.role && JSON.stringify(node.role),
    })
    .where('load_balancer_id', '=', node.loadBalancerId)
    .where('machine_id', '=', node.machineId)
    .execute();
  await saveReported(tx, node, node.backends);
}

async function fromRow(
  tx: Tx,
  row: Pick<Selectable<Database['nodes']>, (typeof COLUMNS)[number]>,
): Promise<NodeRecord> {
  return {
    loadBalancerId: row.load_balancer_id,
    machineId: row.machine_id,
    observedRevision: row.observed_revision,
    settledRevision: row.settled_revision,
    backends: await readReported(
      tx,
      { loadBalancerId: row.load_balancer_id, machineId: row.machine_id },
      row.backends_tag,
    ),
    haproxy: row.haproxy === null ? null : (JSON.parse(row.haproxy) as NonNullable<NodeRecord['haproxy']>),
    reportedAt: row.reported_at,
    position: row.position,
    role: readRole(row.role),
    leftOut: readLeftOut(row.left_out),
  };
}

function readLeftOut(text: string | null): LeftOut | null {
  return text === null ? null : (JSON.parse(text) as LeftOut);
}

function readRole(text: string | null): NodeRecord['role'] {
  return text === null ? null : (JSON.parse(text) as NonNullable<NodeRecord['role']>);
}
