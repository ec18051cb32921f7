import { isDeepStrictEqual } from 'node:util';
import type { DryRun } from '../../api/load-balancer.ts';
import { diffValues } from '../../spec/diff.ts';
import type { LoadBalancerDefinition } from '../../spec/load-balancer.ts';
import type { Plan } from '../../spec/plan.ts';
import { shareStructure } from '../../spec/share.ts';
import { tellEvents } from '../../store/events.ts';
import { insertGuard, supersedeGuards } from '../../store/guards.ts';
import {
  type LoadBalancerRecord,
  deleteLoadBalancer,
  insertLoadBalancer,
  findLoadBalancer,
  listListening,
  updateLoadBalancer,
} from '../../store/load-balancers.ts';
import { listMachines } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { insertNode, nodesOf, touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { type RevisionRecord, insertRevision } from '../../store/revisions.ts';
import { type VpcRecord, findVpc } from '../../store/vpcs.ts';
import { readKnownCertificates } from '../certificates/known.ts';
import { requireNamedUpload } from '../certificates/rules.ts';
import { keepAgreement } from '../certificates/terms.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { requireZoneOf } from '../dns/rules.ts';
import { drainedPools, lastDrainedEvents } from '../events/drained.ts';
import { createdEvent, deletedEvent, restoredEvent } from '../events/revisions.ts';
import { ANY_ADDRESS } from '../address-pool.ts';
import { placementAfter, placementFor, requireMovable } from '../placement/rules.ts';
import { settlePlacement } from '../placement/settle.ts';
import { serviceModel } from './model.ts';
import {
  type Locate,
  portsOf,
  requireAddress,
  requireFreeName,
  requireFreePorts,
  requireVpcFor,
} from './rules.ts';

/** What became of a load balancer in a transaction. */
export interface Changed {
  record: LoadBalancerRecord;
  /** False when everything was as wanted already; then there is no new revision. */
  changed: boolean;
  /** Machines that must look again. */
  machineIds: string[];
  dryRun: DryRun;
}

/** Who makes a revision and why. */
export interface RevisionOrigin {
  author: string;
  action: RevisionRecord['action'];
  restoredFrom?: number;
  /** Why it is made, where nobody asks for it. */
  reason?: string;
  /** How long to watch whether it makes anything worse, in milliseconds. Default: not at all. */
  guardMs?: number | undefined;
  locate?: Locate;
  /** Whether domains are named, which is agreeing to the terms of the CA. Default: false. */
  namesDomains?: boolean;
}

export async function createLoadBalancer(
  context: ServerContext,
  tx: Tx,
  wanted: LoadBalancerDefinition,
  author: string,
): Promise<Changed> {
  const vpc = await requireVpcFor(context, tx, wanted.spec);
  await requireZoneOf(tx, wanted.spec);
  await requireFreeName(tx, wanted.name);
  const placement = await placementFor(tx, vpc, wanted.spec);
  const address = placement === 'own' ? ANY_ADDRESS : await requireAddress(context, tx, wanted);
  const now = timestamp(context);
  const id = context.newId('lb');
  const ports = portsOf(wanted.spec);
  const record: LoadBalancerRecord = {
    ...wanted,
    id,
    vpcId: vpc.id,
    address,
    ports,
    revision: 1,
    createdAt: now,
    updatedAt: now,
    placement,
    floating: [],
  };
  await insertLoadBalancer(tx, record);
  if (placement === 'shared') await placeOnShared(tx, id);
  await keepAgreement(tx, { id, spec: wanted.spec, author, now: context.clock.now() });
  return commit(context, tx, { before: undefined, after: record, vpc }, { author, action: 'create' });
}

/** Brings an existing load balancer to what is wanted, as a new revision unless it is so already. */
export async function changeLoadBalancer(
  context: ServerContext,
  tx: Tx,
  before: LoadBalancerRecord,
  wanted: LoadBalancerDefinition,
  origin: RevisionOrigin,
): Promise<Changed> {
  const spec = shareStructure(before.spec, wanted.spec);
  // Whoever names again what is named already agrees to what the terms are now.
  if (origin.namesDomains)
    await keepAgreement(tx, { id: before.id, spec, author: origin.author, now: context.clock.now() });
  if (isDeepStrictEqual(definitionOf(before), { ...definitionOf(wanted), spec })) return unchanged(before);
  const vpc = await requireVpcFor(context, tx, spec, origin.locate);
  await requireZoneOf(tx, spec, origin.locate);
  // A guard takes back what is worse, whatever has been deleted meanwhile.
  if (origin.reason === undefined) await requireNamedUpload(tx, before, spec, origin.locate);
  if (wanted.name !== before.name) await requireFreeName(tx, wanted.name, before.id);
  const placement = await placementAfter(tx, before, spec);
  if (vpc.id !== before.vpcId) await requireMovable(tx, before, vpc, origin.locate);
  const after: LoadBalancerRecord = {
    ...before,
    placement,
    ...definitionOf(wanted),
    spec,
    vpcId: vpc.id,
    ports: portsOf(spec),
    revision: before.revision + 1,
    updatedAt: timestamp(context),
  };
  if (await listensHere(tx, before)) {
    if (!isDeepStrictEqual(after.ports, before.ports)) await requireFreePorts(tx, after);
  } else if (placement === 'shared') {
    after.address = await requireAddress(context, tx, after);
    await placeOnShared(tx, after.id, await nextChangeVersion(tx));
  }
  await updateLoadBalancer(tx, after);
  return commit(context, tx, { before, after, vpc }, origin);
}

/** Deletes a load balancer. The version is the change that tells its machines. */
export async function removeLoadBalancer(
  context: ServerContext,
  tx: Tx,
  before: LoadBalancerRecord,
  author: string,
): Promise<Pick<Changed, 'machineIds' | 'dryRun'> & { version: number }> {
  const plan = await planOf(context, tx, before, undefined);
  const version = await nextChangeVersion(tx);
  const machineIds = await touchNodes(tx, before.id, version);
  await deleteLoadBalancer(tx, before.id);
  await tellEvents(tx, [deletedEvent(before, author)], context.clock.now());
  const diff = diffValues(definitionOf(before), undefined);
  return { version, machineIds, dryRun: dryRunOf(before.revision + 1, null, diff, plan) };
}

async function commit(
  context: ServerContext,
  tx: Tx,
  {
    before,
    after,
    vpc,
  }: { before: LoadBalancerRecord | undefined; after: LoadBalancerRecord; vpc: VpcRecord },
  { author, action, restoredFrom, reason, guardMs }: RevisionOrigin,
): Promise<Changed> {
  const diff = diffValues(before && definitionOf(before), definitionOf(after));
  const plan = await planOf(context, tx, before, after, vpc);
  const changeVersion = await nextChangeVersion(tx);
  await insertRevision(
    tx,
    {
      ...definitionOf(after),
      loadBalancerId: after.id,
      number: after.revision,
      action,
      restoredFrom: restoredFrom ?? null,
      author,
      createdAt: after.updatedAt,
      diff,
      plan,
      reason: reason ?? null,
    },
    { changeVersion, before: before?.spec },
  );
  await beginGuard(tx, after, guardMs);
  const events = action === 'create' ? [createdEvent(after, author)] : [];
  if (restoredFrom !== undefined) events.push(restoredEvent(after, { restoredFrom, author, reason }));
  const drained = before ? drainedPools(before.spec, after.spec) : [];
  if (drained.length > 0)
    events.push(...lastDrainedEvents(after, drained, await nodesOf(tx, [after.id]), author));
  await tellEvents(tx, events, context.clock.now());
  const machineIds = await touchNodes(tx, after.id, changeVersion);
  const placed = after.placement === 'own' ? await settlePlacement(context, tx) : [];
  return {
    record: (await findLoadBalancer(tx, after.id)) ?? after,
    changed: true,
    machineIds: [...new Set([...machineIds, ...placed])],
    dryRun: dryRunOf(after.revision, after.spec, diff, plan),
  };
}

/** The newest revision alone is watched, if it is to be. */
async function beginGuard(
  tx: Tx,
  { id, revision }: LoadBalancerRecord,
  durationMs: number | undefined,
): Promise<void> {
  await supersedeGuards(tx, id, `revision ${revision} came before the guard was over`);
  if (durationMs === undefined) return;
  await insertGuard(tx, {
    loadBalancerId: id,
    revision,
    durationMs,
    state: 'watching',
    reason: `revision ${revision} is on its way`,
    restoredBy: null,
    machines: [],
  });
}

/** Whether it has its address on the machine that load balancers share. */
async function listensHere(tx: Tx, { id }: LoadBalancerRecord): Promise<boolean> {
  return (await listListening(tx)).some((listening) => listening.id === id);
}

/** The machine of the control plane itself serves all those that have none for themselves. */
async function placeOnShared(tx: Tx, loadBalancerId: string, joinedVersion = 0): Promise<void> {
  const machine = (await listMachines(tx)).find(({ driver }) => driver === 'local');
  if (machine) await insertNode(tx, { loadBalancerId, machineId: machine.id, joinedVersion });
}

async function planOf(
  context: ServerContext,
  tx: Tx,
  before: LoadBalancerRecord | undefined,
  after: LoadBalancerRecord | undefined,
  vpcAfter?: VpcRecord,
): Promise<Plan> {
  const [node] = await nodesOf(tx, [before?.id ?? after?.id ?? '']);
  const certificates = await readKnownCertificates(tx, before?.id ?? after?.id ?? '');
  const machine = (await listMachines(tx)).find(({ id }) => id === node?.machineId);
  const modelOf = async (record: LoadBalancerRecord | undefined) => {
    if (!record) return undefined;
    const vpc = vpcAfter?.id === record.vpcId ? vpcAfter : await findVpc(tx, record.vpcId);
    if (!vpc) throw new Error(`VPC ${record.vpcId} of ${record.id} is missing`);
    return serviceModel(record, {
      vpc: vpc.spec,
      layout: machine?.layout ?? null,
      reported: node?.backends ?? [],
      certificates,
    });
  };
  return context.plan(await modelOf(before), await modelOf(after));
}

function unchanged(record: LoadBalancerRecord): Changed {
  const plan: Plan = { path: 'none', steps: [] };
  return { record, changed: false, machineIds: [], dryRun: dryRunOf(record.revision, record.spec, [], plan) };
}

/** The fields that a user sets. */
function definitionOf({ name, labels, spec }: LoadBalancerDefinition): LoadBalancerDefinition {
  return { name, labels, spec };
}

function dryRunOf(revision: number, spec: DryRun['spec'], diff: DryRun['diff'], plan: Plan): DryRun {
  return { dryRun: true, revision, spec, diff, plan };
}
