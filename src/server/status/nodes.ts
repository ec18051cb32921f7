import { HEARTBEAT_MS } from '../../api/agent.ts';
import type { NodeStatus } from '../../api/load-balancer.ts';
import { formatTarget } from '../../spec/target.ts';
import { boundPort } from '../../spec/host-layout.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { ANY_ADDRESS } from '../address-pool.ts';
import { type Observation, type ObservedNode, nodeProgress } from './observation.ts';

/** Three heartbeats may go missing before an agent counts as gone. */
export const CONNECTED_MS = 3 * HEARTBEAT_MS;

export function isConnected(machine: Pick<MachineRecord, 'lastReportAt'>, now: number): boolean {
  return machine.lastReportAt !== null && now - Date.parse(machine.lastReportAt) <= CONNECTED_MS;
}

export function nodeStatus(observation: Observation, observed: ObservedNode): NodeStatus {
  const { node, machine } = observed;
  const { record, now } = observation;
  return {
    machine: machine.name,
    address: record.address,
    listeners: listeners(observation, observed),
    observedRevision: node.observedRevision,
    state: nodeProgress(observation, observed),
    connected: isConnected(machine, now),
    ...(machine.lastReportAt === null ? {} : { lastReportAt: machine.lastReportAt }),
    ...(node.haproxy ? { haproxy: node.haproxy } : {}),
  };
}

/** Addresses on which clients reach a node. */
export function nodeAddresses({ record }: Pick<Observation, 'record'>, { machine }: ObservedNode): string[] {
  return addressesOn(record.address, machine);
}

/** The addresses that a load balancer's address stands for on a machine. */
export function addressesOn(
  address: string,
  { hostAddresses }: Pick<MachineRecord, 'hostAddresses'>,
): string[] {
  return address === ANY_ADDRESS ? hostAddresses : [address];
}

function listeners({ record }: Observation, { machine }: ObservedNode): string[] {
  const layout = machine.layout ?? { lowPortOffset: 0 };
  return record.ports.map((port) => formatTarget({ host: record.address, port: boundPort(port, layout) }));
}
