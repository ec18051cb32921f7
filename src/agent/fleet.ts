import type { AnswerBody, ServiceQuestion } from '../api/agent-questions.ts';
import type {
  DesiredLoadBalancer,
  DesiredPatch,
  DesiredState,
  GuardReport,
  LoadBalancerReport,
} from '../api/agent.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { HostLayout } from '../spec/host-layout.ts';
import { ForeignControlPlane, UnknownSpec } from './follow.ts';
import type { FollowedOrders } from './certificates/followed-orders.ts';
import { wantedOf } from './certificates/wanted.ts';
import type { Memory } from './memory.ts';
import { patchedOrder } from './patched-order.ts';
import { createNameResolver } from './resolver.ts';
import { Service } from './service.ts';

/** All load balancers of this machine. */
export interface Fleet {
  /** Takes up what the agent remembers: it serves before any control plane answers. */
  recall(): Promise<void>;
  /** Follows that control plane from now on, whichever it was before: the machine has been given to it. */
  belongTo(this: void, controlPlaneId: string): Promise<void>;
  /** Takes in what the control plane wants. */
  take(state: DesiredState): Promise<void>;
  /** Resolves when nothing is being taken off any more; undefined when nothing is. */
  releasing(this: void): Promise<void> | undefined;
  ids(): string[];
  /** What is new of a load balancer; all of it when the control plane may know nothing. */
  newsOf(id: string, isFresh: boolean): LoadBalancerReport | undefined;
  /** Takes in that the control plane has what was new of these load balancers when it was last asked for. */
  told(this: void, ids: readonly string[]): void;
  /** How every guard stands. */
  guards(): GuardReport[];
  /** Finds out what is asked of a load balancer; undefined when it is not here. */
  answer(id: string, question: ServiceQuestion): Promise<AnswerBody> | undefined;
  /** Ends all loops and leaves every HAProxy serving. */
  detach(): Promise<void>;
}

const DROP_PATIENCE_MS = 1000;

export interface FleetOptions {
  machine: string;
  binary: string;
  layout: HostLayout;
  clock: Clock;
  logger: Logger;
  memory: Memory;
  /** Obtains certificates; serving takes from here what was obtained. */
  certificates: FollowedOrders;
  /** Folder with the programs that check backends. Default: `checks` in the agent's data directory. */
  checksDirectory?: string | undefined;
  onChange(id: string, urgent: boolean): void;
  /** Called when there is news of a guard. */
  onGuard(): void;
}

export function createFleet({ memory, certificates, onChange, ...options }: FleetOptions): Fleet {
  const { logger, clock, layout } = options;
  const services = new Map<string, Service>();
  let controlPlaneId: string | undefined;
  let releasing: Promise<void> | undefined;
  const resolver = createNameResolver({
    clock,
    onChange: () => services.forEach((service) => service.nudge()),
  });

  // What was obtained, and by which thumbprint challenges are answered, comes to HAProxy with the next pass.
  certificates.onChange((id) => services.get(id)?.nudge());

  const serviceFor = (id: string, observedRevision: number): Service => {
    const present = services.get(id);
    if (present) return present;
    const service = new Service({
      ...options,
      certificates,
      id,
      resolver,
      observedRevision,
      onChange: (urgent) => onChange(id, urgent),
      onObserved: (revision) => {
        memory
          .saveObserved(id, revision)
          .catch((error: unknown) => logger.error({ error }, 'cannot note the revision on disk'));
      },
    });
    services.set(id, service);
    return service;
  };

  const wantCertificates = (desired: DesiredLoadBalancer) => {
    const wanted = wantedOf(desired, layout);
    if (wanted) certificates.want(wanted);
    else certificates.forget(desired.id);
  };

  const want = (order: DesiredLoadBalancer | DesiredPatch) => {
    const desired = wholeOrder(order, services.get(order.id)?.wanted);
    serviceFor(desired.id, 0).want(desired);
    wantCertificates(desired);
    // Bringing it about does not wait for the disk: until then the control plane still has it.
    memory
      .saveDesired(desired, order)
      .catch((error: unknown) =>
        logger.error({ error, loadBalancer: desired.id }, 'cannot remember a load balancer on disk'),
      );
  };

  const drop = async (id: string) => {
    const service = services.get(id);
    services.delete(id);
    // Only a machine that it had for itself is given back as it came.
    const left = service?.wanted?.node ? certificates.leave(id) : certificates.forget(id);
    await service?.remove();
    await left;
    await memory.forget(id);
  };

  /** Takes load balancers off; what cannot be is told, and holds nothing up. */
  const release = (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return Promise.resolve();
    const drops = Promise.all([releasing, ...ids.map(drop)])
      .then(() => undefined)
      .catch((error: unknown) =>
        logger.error({ error: messageOf(error) }, 'a load balancer could not be removed'),
      )
      .finally(() => {
        if (releasing === drops) releasing = undefined;
      });
    releasing = drops;
    return drops;
  };

  return {
    async recall() {
      const remembered = await memory.load();
      controlPlaneId = remembered.controlPlaneId;
      for (const { desired, observedRevision } of remembered.loadBalancers) {
        serviceFor(desired.id, observedRevision).want(desired);
        wantCertificates(desired);
      }
    },
    async belongTo(id) {
      if (id === controlPlaneId) return;
      await memory.saveControlPlane(id);
      controlPlaneId = id;
    },
    async take(state) {
      if (controlPlaneId !== undefined && state.controlPlaneId !== controlPlaneId) {
        throw new ForeignControlPlane(
          `it serves the load balancers of another control plane (${controlPlaneId}) and refuses the orders of this one (${state.controlPlaneId}). If this one is to take its place, end the agent, remove the file control-plane-id in its data directory, and start it again: it then serves what this one wants, and nothing else`,
        );
      }
      if (controlPlaneId === undefined) {
        controlPlaneId = state.controlPlaneId;
        await memory.saveControlPlane(controlPlaneId);
      }
      // Before anything is ordered from a CA that is not the operator's.
      if (state.certificateSettings) await certificates.follow(state.certificateSettings);
      const wanted = new Set(state.ids);
      // Removals come first: a new load balancer may have the address of one that goes.
      const drops = release([...services.keys()].filter((id) => !wanted.has(id)));
      // But one that does not end must not hold the others up.
      await Promise.race([drops, clock.sleep(DROP_PATIENCE_MS)]);
      for (const desired of state.changed) want(desired);
    },
    releasing: () => releasing,
    ids: () => [...services.keys()],
    guards: () => [...services.values()].flatMap((service) => service.guard() ?? []),
    told: (ids) => ids.forEach((id) => services.get(id)?.told()),
    newsOf: (id, isFresh) => services.get(id)?.news(isFresh),
    answer: (id, question) => services.get(id)?.answer(question),
    async detach() {
      await Promise.all([...services.values()].map((service) => service.detach()));
    },
  };
}

/** The order with the whole spec, made of the one that is wanted now where the control plane tells only what differs. */
function wholeOrder(
  order: DesiredLoadBalancer | DesiredPatch,
  present: DesiredLoadBalancer | undefined,
): DesiredLoadBalancer {
  if ('spec' in order) return order;
  const whole = patchedOrder(present, order);
  if (whole) return whole;
  throw new UnknownSpec(`${order.name} is told as what differs from a spec that is not here`);
}
