import type { HostLayout } from '../spec/host-layout.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';

/** All that the configuration of one HAProxy depends on. Equal models render to equal bytes. */
export interface ServiceModel {
  id: string;
  name: string;
  spec: LoadBalancerSpec;
  /** The address to listen on; `*` is every address of the machine. */
  address: string;
  layout: HostLayout;
  /** Host of a target → the address that it stands for now. Hosts without an entry are unresolved. */
  addresses: ReadonlyMap<string, string>;
}
