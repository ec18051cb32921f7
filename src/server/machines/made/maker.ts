import type { Bridge } from '../../../machines/network/links.ts';
import type { MadeWanted } from '../../../machines/made/driver.ts';
import type { PublicNetwork, VpcNetwork } from '../../../machines/network/networks.ts';
import type { VpcDriver } from '../../../spec/vpc-driver.ts';
import type { AgentAccess } from '../../agent-listener/access.ts';
import type { ServerContext } from '../../context.ts';
import type { SshTarget, StepReport } from '../provisioner.ts';

/** A machine that the control plane is to make, or has made. Its name servers are those of the VPC, if it has any. */
export interface MadeOrder extends MadeWanted {
  type: VpcDriver['type'];
}

/** What makes machines on this host. Each of its faults is an AppError with a stable code. */
export interface MachineMaker {
  /** Who answers the agents of its machines when they call. Nothing listens until there is such a machine. */
  serve(context: ServerContext): void;
  /** How its machines reach the control plane, which listens there from then on. */
  access(): Promise<AgentAccess>;
  /** Makes a machine and waits until it can be logged in to; one that is there is taken as it is. */
  make(order: MadeOrder, onStep: (step: StepReport) => void, signal: AbortSignal): Promise<SshTarget>;
  /** Has a machine that was made once run, as after a start of this host; tells whether it had to be started. */
  keep(order: MadeOrder): Promise<boolean>;
  /** Ends a machine and removes all there is of it. Doing it twice is no fault. */
  remove(order: Pick<MadeOrder, 'id' | 'name' | 'network' | 'type'>): Promise<void>;
  /** Has the networks of these VPCs there, and removes those that it has made for others. */
  keepNetworks(vpcs: readonly VpcNetwork[], publicNetworks: readonly PublicNetwork[]): Promise<void>;
  /** Stops listening, and removes what its machines have in common, when there are none and no VPC is to get any. */
  retire(): Promise<void>;
  /** Where the network of a VPC is on this host. */
  placeOf(vpc: Pick<VpcNetwork, 'id' | 'bridge'>): Bridge;
  /** Stops listening; machines go on. */
  close(): Promise<void>;
}
