import { isDeepStrictEqual } from 'node:util';
import type { ResourceDryRun, Vpc } from '../../api/resources.ts';
import { AppError } from '../../base/errors.ts';
import { diffValues } from '../../spec/diff.ts';
import type { Bridge } from '../../machines/network/links.ts';
import type { VpcDefinition } from '../../spec/vpc.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import {
  type VpcRecord,
  deleteVpc,
  findVpc,
  insertVpc,
  updateVpc,
  vpcLoadBalancers,
} from '../../store/vpcs.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { validationError } from '../http/read-request.ts';
import { withoutPasswords } from './bgp.ts';
import { requireDriverKept, requireOwnPublicNetwork } from './driver-rules.ts';
import { requireUndisturbed, requireUnused, vpcErrors } from './rules.ts';

/** What became of a VPC in a transaction. */
export interface ChangedVpc {
  record: VpcRecord;
  /** Machines that must look again. */
  machineIds: string[];
  dryRun: ResourceDryRun;
}

export async function createVpc(context: ServerContext, tx: Tx, given: VpcDefinition): Promise<ChangedVpc> {
  const { definition: wanted, sealed } = withoutPasswords(context, given);
  requireValid(context, wanted);
  const other = await findVpc(tx, wanted.name);
  if (other) {
    throw new AppError('name_taken', `there is a VPC ${wanted.name} already (${other.id})`, {
      hint: `Choose another name, or look at that one: agentmetal vpc show ${wanted.name}`,
    });
  }
  await requireOwnPublicNetwork(tx, wanted);
  const now = timestamp(context);
  const record = { ...wanted, sealed, id: context.newId('vpc'), revision: 1, createdAt: now, updatedAt: now };
  await insertVpc(tx, record);
  return { record, machineIds: [], dryRun: dryRunOf(undefined, wanted, []) };
}

/** Brings a VPC to what is wanted; its load balancers follow at once. */
export async function changeVpc(
  context: ServerContext,
  tx: Tx,
  before: VpcRecord,
  given: VpcDefinition,
): Promise<ChangedVpc> {
  const { definition: wanted, sealed } = withoutPasswords(context, given, before);
  if (wanted.name !== before.name) {
    const detail = `a VPC keeps its name (${before.name}), because load balancers refer to it by name`;
    throw validationError(
      [{ pointer: '/name', code: 'immutable', detail }],
      'Create a VPC with the new name instead.',
    );
  }
  const isSameKey = sealed === before.sealed;
  if (isSameKey && isDeepStrictEqual(definitionOf(before), definitionOf(wanted))) {
    return { record: before, machineIds: [], dryRun: dryRunOf(before, wanted, []) };
  }
  requireValid(context, wanted);
  await requireUndisturbed(context, tx, before, wanted);
  await requireOwnPublicNetwork(tx, wanted);
  await requireDriverKept(tx, before, wanted);
  const record = {
    ...before,
    ...definitionOf(wanted),
    sealed,
    revision: before.revision + 1,
    updatedAt: timestamp(context),
  };
  await updateVpc(tx, record);
  const users =
    isSameKey && isDeepStrictEqual(before.spec, wanted.spec) ? [] : await vpcLoadBalancers(tx, before.id);
  const machineIds = await touchLoadBalancers(
    tx,
    users.map(({ id }) => id),
  );
  return {
    record,
    machineIds,
    dryRun: dryRunOf(
      before,
      wanted,
      users.map(({ name }) => name),
    ),
  };
}

export async function removeVpc(tx: Tx, before: VpcRecord): Promise<ResourceDryRun> {
  await requireUnused(tx, before);
  await deleteVpc(tx, before.id);
  return dryRunOf(before, undefined, []);
}

export async function vpcView(
  { maker }: Pick<ServerContext, 'maker'>,
  tx: Tx,
  { id, name, labels, spec, revision, createdAt, updatedAt }: VpcRecord,
): Promise<Vpc> {
  const users = await vpcLoadBalancers(tx, id);
  const { driver } = spec;
  const status = {
    loadBalancers: users.map((user) => user.name),
    network: driver && maker ? networkView(maker.placeOf({ id, bridge: driver.bridge })) : null,
  };
  return { id, name, labels, spec, status, revision, createdAt, updatedAt };
}

function networkView({ name, namespace }: Bridge): NonNullable<Vpc['status']['network']> {
  return { bridge: name, namespace: namespace ?? null };
}

function requireValid(context: ServerContext, wanted: VpcDefinition): void {
  const errors = vpcErrors(context, wanted);
  if (errors.length > 0) throw validationError(errors);
}

async function touchLoadBalancers(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const version = await nextChangeVersion(tx);
  const machineIds: string[] = [];
  for (const id of ids) machineIds.push(...(await touchNodes(tx, id, version)));
  return [...new Set(machineIds)];
}

function dryRunOf(
  before: VpcDefinition | undefined,
  after: VpcDefinition | undefined,
  loadBalancers: string[],
): ResourceDryRun {
  const diff = diffValues(before && definitionOf(before), after && definitionOf(after));
  return { dryRun: true, diff, loadBalancers };
}

function definitionOf({ name, labels, spec }: VpcDefinition): VpcDefinition {
  return { name, labels, spec };
}
