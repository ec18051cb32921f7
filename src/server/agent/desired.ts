import type { DesiredLoadBalancer, DesiredState } from '../../api/agent.ts';
import { findGuard } from '../../store/guards.ts';
import { findCertificate } from '../../store/certificates.ts';
import { type LoadBalancerRecord, findLoadBalancer } from '../../store/load-balancers.ts';
import { findMachineHost } from '../../store/machine-hosts.ts';
import { findMachine } from '../../store/machines.ts';
import { readMeta } from '../../store/meta.ts';
import { machineNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { patchesSince, tagOf } from '../../store/specs.ts';
import { findVpc } from '../../store/vpcs.ts';
import { bundleFor } from '../certificates/uploads.ts';
import { waitUntil } from '../changes.ts';
import type { ServerContext } from '../context.ts';
import { listenAddress } from '../placement/addresses.ts';
import { nodeOrder } from '../placement/order.ts';
import { bgpOrder } from '../vpcs/bgp.ts';
import { upgradeOrder } from '../upgrades/note.ts';
import { standbyFirst } from './turn.ts';

interface Asked {
  /** The change up to which the machine has its orders; 0 for none. */
  since: number;
  /** Whether it may be told what differs from what it has. */
  patches: boolean;
  /** Whether it has not done all of them: something is still being taken off. */
  isReleasing: boolean;
  waitMs: number;
}

/** What a machine should serve: at once when something changed after `since`, else when it does or time is over. */
export async function desiredState(
  context: ServerContext,
  machineId: string,
  { since, patches, isReleasing, waitMs }: Asked,
): Promise<DesiredState> {
  const { clock, changes, closing, store, taken } = context;
  const isProgress = !isReleasing && taken.of(machineId) !== since;
  if (!isReleasing) taken.record(machineId, since);
  changes.notify(`taken:${machineId}`);
  // Only now is the machine free of what it served before.
  if (isProgress) changes.notify('placement');
  const version = () => store.transaction((tx) => changeVersion(tx, machineId));
  // A version above ours is from before a restore of the store: such an agent gets everything.
  const news = async () => since === 0 || (await version()) !== since;
  await waitUntil(changes.watch(`machine:${machineId}`), news, { clock, ms: waitMs, signal: closing });
  await standbyFirst(context, machineId, since);
  return store.transaction((tx) => readDesired(context, tx, machineId, { since, patches }));
}

async function readDesired(
  context: ServerContext,
  tx: Tx,
  machineId: string,
  { since, patches }: { since: number; patches: boolean },
): Promise<DesiredState> {
  const { allowLoopbackBackends, certificateSettings } = context;
  const version = await changeVersion(tx, machineId);
  const known = since > version ? 0 : since;
  const host = await findMachineHost(tx, machineId);
  const { ids, changed } = await machineNodes(tx, machineId, known);
  const loadBalancers: DesiredState['changed'] = [];
  for (const { id, isKnown } of changed) {
    const record = await findLoadBalancer(tx, id);
    const vpc = record && (await findVpc(tx, record.vpcId));
    if (!vpc) continue;
    const { name, revision, spec } = record;
    const address = listenAddress(record, host);
    const { floatingAddresses: _, bgp: _bgp, driver: _driver, replaceAfter: _after, ...network } = vpc.spec;
    const guard = await guardOf(tx, id, revision);
    const certificate = await certificateFor(context, tx, record);
    const node = host ? await nodeOrder(tx, record, machineId, bgpOrder(context, vpc)) : undefined;
    const tag = tagOf(spec);
    const told = {
      id,
      name,
      revision,
      address,
      vpc: { name: vpc.name, ...network },
      allowLoopbackBackends,
      ...(node ? { node } : {}),
      ...certificate,
      ...guard,
    };
    const way =
      patches && known > 0 && isKnown
        ? await patchesSince(tx, { loadBalancerId: id, number: revision }, known)
        : undefined;
    loadBalancers.push({ ...told, ...(way ?? { spec }), ...(tag === undefined ? {} : { tag }) });
  }
  return {
    controlPlaneId: (await readMeta(tx, 'control_plane_id')) ?? '',
    version,
    ids,
    changed: loadBalancers,
    ...(await upgradeOrder(context, tx, machineId)),
    certificateSettings,
  };
}

async function guardOf(tx: Tx, id: string, revision: number): Promise<Pick<DesiredLoadBalancer, 'guard'>> {
  const guard = await findGuard(tx, id, revision);
  return guard?.state === 'watching' ? { guard: { durationMs: guard.durationMs } } : {};
}

/** The uploaded certificate that the spec names. Without its key the machine goes on with what it has. */
async function certificateFor(
  context: ServerContext,
  tx: Tx,
  { id, name: loadBalancer, spec }: LoadBalancerRecord,
): Promise<Pick<DesiredLoadBalancer, 'certificate'>> {
  const name = spec.tls?.certificate;
  const record = name === undefined ? undefined : await findCertificate(tx, id, name);
  if (!record) return {};
  try {
    return { certificate: { name: record.name, pem: bundleFor(context, record) } };
  } catch (error) {
    context.log.error({ error, loadBalancer }, 'the key of an uploaded certificate cannot be opened');
    return {};
  }
}

async function changeVersion(tx: Tx, machineId: string): Promise<number> {
  return (await findMachine(tx, machineId))?.changeVersion ?? 0;
}
