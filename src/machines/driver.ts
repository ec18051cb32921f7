import type { SshConnection } from './ssh/connection.ts';
import type { SshTarget } from './ssh/target.ts';

/** A host that can be a node of a load balancer, whoever made it. */
export interface Machine {
  /** How it is reached. */
  readonly target: SshTarget;
  /** Resolves when it can be connected to; fails with `machine_unreachable` when that takes too long. */
  wait(signal: AbortSignal): Promise<void>;
  /** A connection on which commands run as root. The caller closes it. */
  connect(signal: AbortSignal): Promise<SshConnection>;
  /** Takes everything of ours off, or makes the machine anew: afterwards it is as it was before it was provisioned. */
  reset(signal: AbortSignal): Promise<void>;
  /** Ends the machine, or lets go of one that is not ours to end. Doing it twice is no fault. */
  destroy(signal: AbortSignal): Promise<void>;
}

/** A way to come by machines. */
export interface MachineDriver<Wanted> {
  /** Makes the machine, or claims one that is there. Asked again for the same one, it answers that one. */
  create(wanted: Wanted, signal: AbortSignal): Promise<Machine>;
}
