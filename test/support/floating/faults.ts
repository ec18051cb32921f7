import { waitFor } from '../wait.ts';
import { AGENT, BIRD, type Cluster, HAPROXY, KEEPALIVED } from './cluster.ts';

/** Something that happens to the node that has the floating address. */
export interface Fault {
  name: string;
  cause(cluster: Cluster, index: number): Promise<unknown>;
  /** Whether it is served again otherwise than by another node that has the address. */
  isMended?(cluster: Cluster, index: number): Promise<boolean>;
  /** Brings the node back, where it does not come back by itself. */
  mend?(cluster: Cluster, index: number): Promise<unknown>;
}

export const FAULTS = {
  haproxyKilled: {
    name: 'HAProxy killed',
    cause: async (cluster, index) => cluster.kill(index, [HAPROXY]),
    // Its agent may start another one before keepalived, on a busy machine, has looked.
    isMended: async (cluster, index) =>
      cluster.processes(index, HAPROXY).length > 1 && (await cluster.isServed()),
  },
  machineKilled: {
    name: 'machine killed',
    cause: (cluster, index) => cluster.crash(index),
    mend: (cluster, index) => cluster.boot(index),
  },
  linkCut: {
    name: 'link to the clients cut',
    cause: (cluster, index) => cluster.cable(index, 'down'),
    mend: (cluster, index) => cluster.cable(index, 'up'),
  },
  gracefulStop: {
    name: 'failover asked for',
    cause: (cluster, index) => cluster.failover(index),
  },
  reboot: {
    name: 'reboot',
    async cause(cluster, index) {
      // As systemd does at the end: everything is asked to stop, and a moment later the network goes.
      const held = await cluster.heldBy(index);
      cluster.kill(index, [AGENT, KEEPALIVED, BIRD, HAPROXY], 'SIGTERM');
      await cluster.othersHave(held, index);
      await cluster.crash(index);
    },
    mend: (cluster, index) => cluster.boot(index),
  },
  silentPartition: {
    name: 'silent partition',
    cause: (cluster, index) => cluster.partition(index),
    mend: (cluster) => cluster.heal(),
  },
} satisfies Record<string, Fault>;

/** The same where all nodes announce the address: until the router sends to this one no more, or the fault is over. */
export async function strikeAnnounced(cluster: Cluster, fault: Fault, index: number): Promise<void> {
  await fault.cause(cluster, index);
  await waitFor(
    `${fault.name}: the router to send to others`,
    async () => !(await cluster.routed()).includes(index) || (await fault.isMended?.(cluster, index)),
  );
}

/** Has it happen, and waits until another node has the address or the fault is over. */
export async function strike(cluster: Cluster, fault: Fault, index: number): Promise<void> {
  const held = await cluster.heldBy(index);
  await fault.cause(cluster, index);
  await waitFor(
    `${fault.name}: another node to have the address`,
    async () => (await cluster.doOthersHave(held, index)) || (await fault.isMended?.(cluster, index)),
  );
}
