import { isDeepStrictEqual } from 'node:util';
import { memoized } from '../../base/memo.ts';
import type { LoadBalancerReport } from '../../api/agent.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import type { HostLayout } from '../../spec/host-layout.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { parseTarget } from '../../spec/target.ts';
import { ANY_ADDRESS } from '../address-pool.ts';
import { type KnownCertificates, knownCertificates } from '../certificates/known.ts';
import type { VpcSpec } from '../../spec/vpc.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';

/** How a machine is thought to be laid out until its agent has said so. */
const USUAL_LAYOUT: HostLayout = {
  directory: '/var/lib/agentmetal/agent/lb',
  socketDirectory: '/run/agentmetal',
  user: 'haproxy',
  group: 'haproxy',
  chroot: '/var/lib/haproxy',
  lowPortOffset: 0,
  ipv6: true,
};

/** What is known of the machine for which a model is made. */
export interface ModelSurroundings {
  vpc: VpcSpec;
  layout: HostLayout | null;
  reported: LoadBalancerReport['backends'];
  certificates: KnownCertificates;
}

/** The model from which a node's configuration and plans are made, as far as the control plane knows it. */
export function serviceModel(
  {
    id,
    name,
    spec,
    address,
    placement,
  }: Pick<LoadBalancerRecord, 'id' | 'name' | 'spec' | 'address' | 'placement'>,
  { vpc, layout, reported, certificates }: ModelSurroundings,
): ServiceModel {
  const model: ServiceModel = {
    id,
    name,
    spec,
    address: placement === 'own' ? ANY_ADDRESS : address,
    layout: layout ?? USUAL_LAYOUT,
    addresses: knownAddresses(vpc, reported),
    certificates: knownCertificates(spec, certificates),
  };
  const last = lastModels.get(spec);
  if (last && isDeepStrictEqual(last, model)) return last;
  lastModels.set(spec, model);
  return model;
}

/** The model that was last made of a spec: what is made of a model is kept with it. */
const lastModels = new WeakMap<LoadBalancerSpec, ServiceModel>();

function knownAddresses(vpc: VpcSpec, reported: LoadBalancerReport['backends']): ReadonlyMap<string, string> {
  const fromVpc = vpc.hosts.flatMap(({ name, addresses: [first] }) =>
    first === undefined ? [] : [[name, first] as const],
  );
  return new Map([...reportedAddresses(reported), ...fromVpc]);
}

const reportedAddresses = memoized((reported: LoadBalancerReport['backends']) =>
  reported.flatMap(({ target, address }) => {
    // A target that is an address stands for itself; most do, and need no closer look.
    if (address === undefined || target.startsWith(address)) return [];
    const known = parseTarget(target);
    return known && !known.isIp ? [[known.host, address] as const] : [];
  }),
);
