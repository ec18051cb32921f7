import { HEARTBEAT_MS } from '../../api/agent.ts';
import type { NodeStatus } from '../../api/load-balancer.ts';
import { formatTarget } from '../../spec/target.ts';
import { boundPort } from '../../spec/host-layout.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { clientAddresses, listenAddress } from '../placement/addresses.ts';
import { type Observation, type ObservedNode, nodeProgress } from './observation.ts';

/** Three heartbeats may go missing before an agent counts as gone. */
export const CONNECTED_MS = 3 * HEARTBEAT_MS;

export function isConnected(machine: Pick<MachineRecord, 'lastReportAt'>, now: number): boolean {
  return machine.lastReportAt !== null && now - Date.parse(machine.lastReportAt) <= CONNECTED_MS;
}

/** Since when no node has a floating address; undefined while one has, and where there are none or no node has told. */
export function unheldSince({ record, nodes }: Observation): string | undefined {
  if (record.floating.length === 0) return undefined;
  const roles = nodes.flatMap(({ node }) => node.role ?? []);
  if (roles.some(({ role }) => role === 'active')) return undefined;
  return roles.map(({ since }) => since).reduce<string | undefined>(later, undefined);
}

function later(one: string | undefined, other: string): string {
  return one !== undefined && Date.parse(one) > Date.parse(other) ? one : other;
}

export function nodeStatus(observation: Observation, observed: ObservedNode): NodeStatus {
  const { node, machine } = observed;
  const { now } = observation;
  return {
    machine: machine.name,
    address: nodeAddress(observation, observed),
    listeners: listeners(observation, observed),
    observedRevision: node.observedRevision,
    state: nodeProgress(observation, observed),
    connected: isConnected(machine, now),
    ...(machine.lastReportAt === null ? {} : { lastReportAt: machine.lastReportAt }),
    ...(node.haproxy ? { haproxy: node.haproxy } : {}),
    ...(node.role ? { floating: node.role } : {}),
  };
}

/** Addresses on which clients reach a node. */
export function nodeAddresses(
  { record }: Pick<Observation, 'record'>,
  { node, machine, host }: ObservedNode,
): string[] {
  return clientAddresses(record, { machine, host, isLeftOut: node.leftOut !== null });
}

/** The node's own address: on a machine that it has for itself, the machine's. */
function nodeAddress({ record }: Observation, { host }: ObservedNode): string {
  return host?.publicAddress ?? host?.address ?? listenAddress(record, host);
}

function listeners(observation: Observation, observed: ObservedNode): string[] {
  const layout = observed.machine.layout ?? { lowPortOffset: 0 };
  const host = nodeAddress(observation, observed);
  return observation.record.ports.map((port) => formatTarget({ host, port: boundPort(port, layout) }));
}
