import type { Selectable } from 'kysely';
import type { LoadBalancerDefinition } from '../spec/load-balancer.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';
import { readSpec } from './specs.ts';

/** On which kind of machine a load balancer is. */
export type Placement = 'shared' | 'own';

export interface LoadBalancerRecord extends LoadBalancerDefinition {
  id: string;
  vpcId: string;
  /** The address on which it listens, for life; `*` is every address of the machine. */
  address: string;
  /** The ports that it listens on there. */
  ports: readonly number[];
  revision: number;
  createdAt: string;
  updatedAt: string;
  /** `shared`: on a machine that others are on too. `own`: on machines of its VPC that it has for itself. */
  placement: Placement;
  /** The addresses that its nodes hand each other, those that are wanted before those that are left; empty without any. */
  floating: readonly FloatingAddress[];
}

/** An address that nodes hand each other. */
export interface FloatingAddress {
  address: string;
  /** VRRP's virtual router id, 1 to 255; another one for each address of the VPC, as far as they go. */
  routerId: number;
  /** Id of the machine that should have it when all are well; null before one is chosen, and where one has all. */
  home: string | null;
  /** Whether a node has had it: only then clients are sent there. */
  isServed: boolean;
  /** When it is given back, milliseconds since the epoch: clients may know it still. Null while it is wanted. */
  freeAt: number | null;
}

/** Keeps all of it but the spec, which comes with its revision. */
export async function insertLoadBalancer(tx: Tx, loadBalancer: LoadBalancerRecord): Promise<void> {
  await tx.insertInto('load_balancers').values(toRow(loadBalancer)).execute();
}

/** Keeps all of it but the spec, which comes with its revision. */
export async function updateLoadBalancer(tx: Tx, loadBalancer: LoadBalancerRecord): Promise<void> {
  const { id, ...columns } = toRow(loadBalancer);
  await tx.updateTable('load_balancers').set(columns).where('id', '=', id).execute();
}

/** Deletes it with its nodes, revisions and receipts. */
export async function deleteLoadBalancer(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('load_balancers').where('id', '=', id).execute();
}

export async function findLoadBalancer(tx: Tx, nameOrId: string): Promise<LoadBalancerRecord | undefined> {
  const rows = await tx
    .selectFrom('load_balancers')
    .selectAll()
    .where((where) => where.or([where('id', '=', nameOrId), where('name', '=', nameOrId)]))
    .execute();
  const row = rows.find(({ id }) => id === nameOrId) ?? rows[0];
  return row && fromRow(tx, row);
}

/** Load balancers in the order of their names, those after `after`. */
export async function listLoadBalancers(tx: Tx, after: string, limit: number): Promise<LoadBalancerRecord[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .selectAll()
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
    .execute();
  return fromRows(tx, rows);
}

export async function loadBalancersOfVpc(tx: Tx, vpcId: string): Promise<LoadBalancerRecord[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .selectAll()
    .where('vpc_id', '=', vpcId)
    .orderBy('name')
    .execute();
  return fromRows(tx, rows);
}

/** Those that have machines for themselves, in the order in which they came. */
export async function listOwnLoadBalancers(tx: Tx): Promise<LoadBalancerRecord[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .selectAll()
    .where('placement', '=', 'own')
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return fromRows(tx, rows);
}

/** Those in a VPC that share a machine. */
export async function listShared(tx: Tx, vpcId: string): Promise<LoadBalancerRecord[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .selectAll()
    .where('vpc_id', '=', vpcId)
    .where('placement', '=', 'shared')
    .execute();
  return fromRows(tx, rows);
}

/** Ids of those in a VPC that are to share a machine, and that none serves. */
export async function listUnplaced(tx: Tx, vpcId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .leftJoin('nodes', 'nodes.load_balancer_id', 'load_balancers.id')
    .select('load_balancers.id')
    .where('vpc_id', '=', vpcId)
    .where('placement', '=', 'shared')
    .where('nodes.machine_id', 'is', null)
    .execute();
  return rows.map(({ id }) => id);
}

export async function updatePlacement(tx: Tx, id: string, placement: Placement): Promise<void> {
  await tx.updateTable('load_balancers').set({ placement }).where('id', '=', id).execute();
}

/** A load balancer with several floating addresses. */
export type SpreadRecord = Pick<LoadBalancerRecord, 'id' | 'floating'>;

/** Those with several floating addresses, without their specs, which may be large. */
export async function listSpread(tx: Tx): Promise<SpreadRecord[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .select(['id', 'floating'])
    .where('floating', 'like', '%},{%')
    .orderBy('id')
    .execute();
  return rows.map(({ id, floating }) => ({ id, floating: readFloating(floating) }));
}

export async function updateFloating(
  tx: Tx,
  id: string,
  floating: readonly FloatingAddress[],
): Promise<void> {
  await tx
    .updateTable('load_balancers')
    .set({ floating: JSON.stringify(floating) })
    .where('id', '=', id)
    .execute();
}

/** What tells whether a load balancer has changed, and where it listens, without reading its spec. */
export async function listVersions(
  tx: Tx,
): Promise<Pick<LoadBalancerRecord, 'id' | 'revision' | 'address' | 'placement' | 'floating'>[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .select(['id', 'revision', 'address', 'placement', 'floating'])
    .orderBy('name')
    .execute();
  return rows.map(({ id, revision, address, placement, floating }) => ({
    id,
    revision,
    address,
    placement: placement as Placement,
    floating: readFloating(floating),
  }));
}

export async function loadBalancersById(tx: Tx, ids: readonly string[]): Promise<LoadBalancerRecord[]> {
  if (ids.length === 0) return [];
  const rows = await tx.selectFrom('load_balancers').selectAll().where('id', 'in', ids).execute();
  return fromRows(tx, rows);
}

export type Listening = Pick<LoadBalancerRecord, 'id' | 'name' | 'address' | 'ports'>;

/**
 * Who listens where on the machine that load balancers share: those that are to be there, and those that are served
 * there until machines of their VPC do it.
 */
export async function listListening(tx: Tx): Promise<Listening[]> {
  const rows = await tx
    .selectFrom('load_balancers')
    .select(['id', 'name', 'address', 'ports'])
    .where((where) =>
      where.or([
        where('placement', '=', 'shared'),
        where.exists(
          where
            .selectFrom('nodes')
            .leftJoin('machine_hosts', 'machine_hosts.machine_id', 'nodes.machine_id')
            .select('nodes.machine_id')
            .whereRef('nodes.load_balancer_id', '=', 'load_balancers.id')
            .where('machine_hosts.machine_id', 'is', null),
        ),
      ]),
    )
    .execute();
  return rows.map((row) => ({ ...row, ports: JSON.parse(row.ports) as number[] }));
}

/** Names of some load balancers, for hints. */
export async function loadBalancerNames(tx: Tx): Promise<string[]> {
  const rows = await tx.selectFrom('load_balancers').select('name').orderBy('name').limit(20).execute();
  return rows.map(({ name }) => name);
}

function toRow(loadBalancer: LoadBalancerRecord): Selectable<Database['load_balancers']> {
  const { id, name, labels, vpcId, address, ports, revision, createdAt, updatedAt } = loadBalancer;
  const { placement, floating } = loadBalancer;
  return {
    id,
    name,
    labels: JSON.stringify(labels),
    vpc_id: vpcId,
    address,
    ports: JSON.stringify(ports),
    revision,
    created_at: createdAt,
    updated_at: updatedAt,
    placement,
    floating: JSON.stringify(floating),
  };
}

async function fromRows(
  tx: Tx,
  rows: readonly Selectable<Database['load_balancers']>[],
): Promise<LoadBalancerRecord[]> {
  const records: LoadBalancerRecord[] = [];
  for (const row of rows) records.push(await fromRow(tx, row));
  return records;
}

async function fromRow(tx: Tx, row: Selectable<Database['load_balancers']>): Promise<LoadBalancerRecord> {
  return {
    id: row.id,
    name: row.name,
    labels: JSON.parse(row.labels) as LoadBalancerRecord['labels'],
    spec: await readSpec(tx, { loadBalancerId: row.id, number: row.revision }),
    vpcId: row.vpc_id,
    address: row.address,
    ports: JSON.parse(row.ports) as number[],
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    placement: row.placement as Placement,
    floating: readFloating(row.floating),
  };
}

function readFloating(text: string): FloatingAddress[] {
  return JSON.parse(text) as FloatingAddress[];
}
