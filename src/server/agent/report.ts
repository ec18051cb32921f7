import type { AgentReport, LoadBalancerReport } from '../../api/agent.ts';
import type { Receipt } from '../../spec/plan.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { allBackends, poolsOf } from '../../spec/pools-of.ts';
import { saveCertificateReports } from '../../store/certificates.ts';
import { type LoadBalancerRecord, findLoadBalancer } from '../../store/load-balancers.ts';
import { type MachineRecord, findMachine, updateMachine } from '../../store/machines.ts';
import { type NodeRecord, nodesOf, saveNodeReport } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { saveReceipt } from '../../store/revisions.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { failGuard, keepGuard } from '../load-balancers/guard.ts';
import { backendKey } from '../status/backends.ts';

/** Keeps what an agent tells of its machine, and wakes those who wait for it. */
export async function keepReport(
  context: ServerContext,
  machineId: string,
  report: AgentReport,
): Promise<void> {
  const now = timestamp(context);
  const { kept, touched } = await context.store.transaction(async (tx) => {
    const machine = await findMachine(tx, machineId);
    const ids: string[] = [];
    const machineIds = new Set<string>();
    if (!machine) return { kept: ids, touched: machineIds };
    await updateMachine(tx, seenMachine(machine, report, now));
    const touch = (list: readonly string[]) => list.forEach((id) => machineIds.add(id));
    for (const part of report.loadBalancers) {
      if (!(await keepPart(tx, machine, part, now))) continue;
      ids.push(part.id);
      if (part.receipt?.outcome === 'failed')
        touch(await failGuard(tx, part.id, { ...part.receipt, machine: machine.name }));
    }
    for (const guard of report.guards ?? []) touch(await keepGuard(context, tx, machine, guard));
    return { kept: ids, touched: machineIds };
  });
  for (const id of touched) context.changes.notify(`machine:${id}`);
  for (const { id, traffic } of report.loadBalancers)
    if (traffic && kept.includes(id)) context.totals.record(machineId, id, traffic);
  for (const id of kept) context.changes.notify(`nodes:${id}`);
}

function seenMachine(machine: MachineRecord, report: AgentReport, now: string): MachineRecord {
  const { agentVersion, haproxyVersion, layout, hostAddresses, fault = null } = report;
  return { ...machine, agentVersion, haproxyVersion, layout, hostAddresses, fault, lastReportAt: now };
}

/** False for a load balancer that is not on the machine: an agent speaks for its own nodes alone. */
async function keepPart(
  tx: Tx,
  machine: MachineRecord,
  part: LoadBalancerReport,
  now: string,
): Promise<boolean> {
  const record = await findLoadBalancer(tx, part.id);
  if (!record || record.id !== part.id) return false;
  const node = (await nodesOf(tx, [record.id])).find(({ machineId }) => machineId === machine.id);
  if (!node) return false;
  const receipt = knownReceipt(part.receipt, machine, record.revision);
  if (receipt) await saveReceipt(tx, record.id, machine.id, receipt);
  await saveNodeReport(tx, reportedNode(node, part, { receipt, record, now }));
  await saveCertificateReports(tx, {
    loadBalancerId: record.id,
    machineId: machine.id,
    reports: part.certificates ?? [],
  });
  return true;
}

function reportedNode(
  node: NodeRecord,
  { observedRevision, backends, partial, haproxy }: LoadBalancerReport,
  { receipt, record, now }: { receipt: Receipt | undefined; record: LoadBalancerRecord; now: string },
): NodeRecord {
  const observed = Math.min(observedRevision, record.revision);
  return {
    ...node,
    observedRevision: observed,
    settledRevision: Math.max(node.settledRevision, observed, receipt?.revision ?? 0),
    backends: partial ? merged(node.backends, backends, record.spec) : backends,
    haproxy: haproxy ?? null,
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
  const merged = before.map((backend) => {
    const key = backendKey(backend);
    const told = fresh.get(key);
    if (!told) return backend;
    fresh.delete(key);
    return told;
  });
  merged.push(...fresh.values());
  const count = poolsOf(spec).reduce((sum, [, { backends }]) => sum + backends.length, 0);
  if (merged.length <= count) return merged;
  // Of those that are gone nothing is told any more.
  const keys = new Set(
    allBackends(spec).map(({ pool, backend }) => backendKey({ pool, target: backend.target })),
  );
  return merged.filter((backend) => keys.has(backendKey(backend)));
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
