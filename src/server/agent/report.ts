import type { AgentReport, LoadBalancerReport } from '../../api/agent.ts';
import type { Receipt } from '../../spec/plan.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { type MachineRecord, findMachine, updateMachine } from '../../store/machines.ts';
import { type NodeRecord, nodesOf, saveNodeReport } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { saveReceipt } from '../../store/revisions.ts';
import { type ServerContext, timestamp } from '../context.ts';

/** Keeps what an agent tells of its machine, and wakes those who wait for it. */
export async function keepReport(
  context: ServerContext,
  machineId: string,
  report: AgentReport,
): Promise<void> {
  const now = timestamp(context);
  const kept = await context.store.transaction(async (tx) => {
    const machine = await findMachine(tx, machineId);
    if (!machine) return [];
    await updateMachine(tx, seenMachine(machine, report, now));
    const ids: string[] = [];
    for (const part of report.loadBalancers) {
      if (await keepPart(tx, machine, part, now)) ids.push(part.id);
    }
    return ids;
  });
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
  await saveNodeReport(tx, reportedNode(node, part, { receipt, newest: record.revision, now }));
  return true;
}

function reportedNode(
  node: NodeRecord,
  { observedRevision, backends, haproxy }: LoadBalancerReport,
  { receipt, newest, now }: { receipt: Receipt | undefined; newest: number; now: string },
): NodeRecord {
  const observed = Math.min(observedRevision, newest);
  return {
    ...node,
    observedRevision: observed,
    settledRevision: Math.max(node.settledRevision, observed, receipt?.revision ?? 0),
    backends,
    haproxy: haproxy ?? null,
    reportedAt: now,
  };
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
