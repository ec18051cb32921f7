import { X509Certificate } from 'node:crypto';
import type { AgentReport, LoadBalancerReport } from '../../api/agent.ts';
import type { CertificateReport } from '../../api/certificates.ts';
import type { Receipt } from '../../spec/plan.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { poolsOf } from '../../spec/pools-of.ts';
import { certificateReportsOf, saveCertificateReports } from '../../store/certificates.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import { type LoadBalancerRecord, findLoadBalancer } from '../../store/load-balancers.ts';
import { type MachineRecord, findMachine, updateMachine } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { type NodeRecord, machineNodes, nodesOf, saveNodeReport, touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { saveReceipt } from '../../store/revisions.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { keepAuthority } from '../certificates/terms.ts';
import { backendEvents } from '../events/backends.ts';
import { certificateEvents, newFailures } from '../events/certificates.ts';
import { tellOnline } from '../events/machines.ts';
import { failedEvent, liveEvent } from '../events/revisions.ts';
import { untoldEvents } from '../events/untold.ts';
import { failGuard, keepGuard } from '../load-balancers/guard.ts';
import { forgetSilence, replacedBy } from '../replacement/carry-out.ts';
import { noteUpgrade } from '../upgrades/note.ts';
import { noteArrival } from '../machines/arrival.ts';
import { backendKey } from '../status/backends.ts';

/** Keeps what an agent tells of its machine, and wakes those who wait for it. */
export async function keepReport(
  context: ServerContext,
  machineId: string,
  report: AgentReport,
): Promise<void> {
  const now = timestamp(context);
  const { kept, touched, failures, isHosted } = await context.store.transaction(async (tx) => {
    const machine = await findMachine(tx, machineId);
    const ids: string[] = [];
    const machineIds = new Set<string>();
    const failures: [id: string, byDomain: ReadonlyMap<string, number>][] = [];
    if (!machine) return { kept: ids, touched: machineIds, failures, isHosted: false };
    // What happened while it was away comes before that it is back.
    const wasAway = report.loadBalancers.some(({ untold }) => untold !== undefined);
    if (!wasAway) await tellOnline(tx, machine, context.clock.now());
    await forgetSilence(tx, machine.id);
    await keepAuthority(tx, machine, report.authority, context.clock.now());
    const seen = seenMachine(machine, report, now);
    await updateMachine(tx, seen);
    const isHosted = await noteArrival(context, tx, machine, report);
    if (await noteUpgrade(tx, machine, report.upgrader, context.clock.now())) machineIds.add(machine.id);
    const touch = (list: readonly string[]) => list.forEach((id) => machineIds.add(id));
    // All nodes must know each other by what is new.
    if (seen.peerCertificate !== machine.peerCertificate)
      for (const id of (await machineNodes(tx, machineId, 0)).ids)
        touch(await touchNodes(tx, id, await nextChangeVersion(tx)));
    for (const part of report.loadBalancers) {
      const keptPart = await keepPart(context, tx, machine, part);
      if (!keptPart) continue;
      ids.push(part.id);
      failures.push([part.id, keptPart.orderFailures]);
      if (part.receipt?.outcome === 'failed')
        touch(await failGuard(tx, part.id, { ...part.receipt, machine: machine.name }));
    }
    if (wasAway) await tellOnline(tx, machine, context.clock.now());
    for (const guard of report.guards ?? []) touch(await keepGuard(context, tx, machine, guard));
    return { kept: ids, touched: machineIds, failures, isHosted };
  });
  for (const [id, byDomain] of failures) context.orderFailures.add(id, byDomain);
  for (const id of touched) context.changes.notify(`machine:${id}`);
  for (const { id, traffic } of report.loadBalancers)
    if (traffic && kept.includes(id)) context.totals.record(machineId, id, traffic);
  for (const id of kept) context.changes.notify(`nodes:${id}`);
  // A machine that came back may be had, and a node that is live may take another one's place.
  if (isHosted) context.changes.notify('placement');
}

function seenMachine(machine: MachineRecord, report: AgentReport, now: string): MachineRecord {
  const {
    agentVersion,
    haproxyVersion,
    layout,
    hostAddresses,
    fault = null,
    os = null,
    upgrader = null,
  } = report;
  const authority = mergedAuthority(machine.authority, report.authority);
  return {
    ...machine,
    agentVersion,
    haproxyVersion,
    layout,
    hostAddresses,
    fault,
    authority,
    peerCertificate: readCertificate(report.peerCertificate) ?? machine.peerCertificate,
    lastReportAt: now,
    os,
    upgrader,
  };
}

/** The certificate alone, whatever came with it; undefined when there is none. */
function readCertificate(pem: string | undefined): string | undefined {
  if (pem === undefined) return undefined;
  try {
    return new X509Certificate(pem).toString();
  } catch {
    // An agent that tells nonsense is known by what it told before.
    return undefined;
  }
}

/** An agent that has started anew has not asked the CA for its terms yet. */
function mergedAuthority(
  before: MachineRecord['authority'],
  told: AgentReport['authority'],
): MachineRecord['authority'] {
  if (!told || before?.directory !== told.directory) return told ?? before;
  return { ...before, ...told };
}

interface KeptPart {
  /** Failed orders of certificates since the last report, by domain. */
  orderFailures: ReadonlyMap<string, number>;
}

/** Undefined for a load balancer that is not on the machine: an agent speaks for its own nodes alone. */
async function keepPart(
  context: Pick<ServerContext, 'clock'>,
  tx: Tx,
  machine: MachineRecord,
  part: LoadBalancerReport,
): Promise<KeptPart | undefined> {
  const record = await findLoadBalancer(tx, part.id);
  if (!record || record.id !== part.id) return undefined;
  const nodes = await nodesOf(tx, [record.id]);
  const node = nodes.find(({ machineId }) => machineId === machine.id);
  if (!node) return undefined;
  const told = knownReceipt(part.receipt, machine, record.revision);
  const replaces = told && (await replacedBy(tx, record.id, machine.id));
  const receipt = told && { ...told, ...(replaces ? { replaces } : {}) };
  if (receipt) await saveReceipt(tx, record.id, machine.id, receipt);
  const after = reportedNode(node, part, { receipt, record, now: timestamp(context) });
  await saveNodeReport(tx, after);
  const certificates = await keepCertificates(tx, record.id, machine.id, part.certificates ?? []);
  const caughtUp = untoldEvents(record, part.untold ?? { turns: [], dropped: 0 }, {
    machine: machine.name,
    before: node.backends,
    now: context.clock.now(),
  });
  const events = [
    ...caughtUp.events,
    ...revisionEvents(record, { nodes, before: node, after, receipt }),
    ...backendEvents(record, {
      machine: machine.name,
      before: caughtUp.backends,
      news: part.backends,
      after: after.backends,
    }),
    ...certificateEvents(record, certificates.before, certificates.after),
  ];
  await tellEvents(tx, events, context.clock.now());
  return { orderFailures: newFailures(certificates.before, certificates.after) };
}

interface NodeChange {
  nodes: readonly NodeRecord[];
  before: NodeRecord;
  after: NodeRecord;
  receipt: Receipt | undefined;
}

/** A report repeats what the one before said; what is new in it is told. */
function revisionEvents(
  record: LoadBalancerRecord,
  { nodes, before, after, receipt }: NodeChange,
): NewEvent[] {
  const { revision } = record;
  const isFailure = receipt?.outcome === 'failed' && before.settledRevision < receipt.revision;
  const isNews = before.observedRevision < revision && after.observedRevision >= revision;
  const others = nodes.filter((node) => node !== before);
  const isLive = isNews && others.every(({ observedRevision }) => observedRevision >= revision);
  return [
    ...(isFailure ? [failedEvent(record, receipt)] : []),
    ...(isLive ? [liveEvent(record, receipt)] : []),
  ];
}

interface CertificateChange {
  before: readonly CertificateReport[];
  after: readonly CertificateReport[];
}

/** Keeps what a machine tells of certificates, and answers it with what it told before. */
async function keepCertificates(
  tx: Tx,
  loadBalancerId: string,
  machineId: string,
  reports: CertificateReport[],
): Promise<CertificateChange> {
  const kept = reports.length === 0 ? [] : await certificateReportsOf(tx, [loadBalancerId]);
  await saveCertificateReports(tx, { loadBalancerId, machineId, reports });
  return { before: kept.find((each) => each.machineId === machineId)?.reports ?? [], after: reports };
}

function reportedNode(
  node: NodeRecord,
  { observedRevision, backends, partial, haproxy, node: role }: LoadBalancerReport,
  { receipt, record, now }: { receipt: Receipt | undefined; record: LoadBalancerRecord; now: string },
): NodeRecord {
  const observed = Math.min(observedRevision, record.revision);
  return {
    ...node,
    observedRevision: observed,
    settledRevision: Math.max(node.settledRevision, observed, receipt?.revision ?? 0),
    backends: partial ? merged(node.backends, backends, record.spec) : backends,
    haproxy: haproxy ?? null,
    role: role ?? null,
    reportedAt: now,
  };
}

/** What was known of the backends with what is new of some of them. */
function merged(
  before: NodeRecord['backends'],
  news: LoadBalancerReport['backends'],
  spec: LoadBalancerSpec,
): NodeRecord['backends'] {
  if (news.length === 0) return before;
  const fresh = new Map(news.map((backend) => [backendKey(backend), backend]));
  // Keys are made of those alone that may be among them: few of thousands are.
  const targets = new Set(news.map(({ target }) => target));
  const merged = before.map((backend) => {
    if (!targets.has(backend.target)) return backend;
    const key = backendKey(backend);
    const told = fresh.get(key);
    if (!told) return backend;
    fresh.delete(key);
    return told;
  });
  merged.push(...fresh.values());
  const pools = poolsOf(spec);
  const count = pools.reduce((sum, [, { backends }]) => sum + backends.length, 0);
  if (merged.length <= count) return merged;
  // Of those that are gone nothing is told any more.
  const wanted = new Map(
    pools.map(([pool, { backends }]) => [pool, new Set(backends.map(({ target }) => target))]),
  );
  return merged.filter(({ pool, target }) => wanted.get(pool)?.has(target));
}

/** The receipt under the machine's own name, if it is about a revision that there is. */
function knownReceipt(
  receipt: Receipt | undefined,
  { name }: MachineRecord,
  newest: number,
): Receipt | undefined {
  if (!receipt || receipt.revision < 1 || receipt.revision > newest) return undefined;
  return { ...receipt, machine: name };
}
