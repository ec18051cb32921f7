import type { Provisioning, SshTarget, StepReport } from '../../machines/provision.ts';

export type { Provisioning, SshTarget, StepReport } from '../../machines/provision.ts';

/** What makes machines ready. Each of its faults is an AppError with a stable code. */
export interface MachineProvisioner {
  /** The fingerprint that an SSH server shows, `SHA256:…`. */
  hostKeyOf(host: string, port: number): Promise<string>;
  /** Makes a machine ready; may be run again after any interruption. */
  provision(order: Provisioning, onStep: (step: StepReport) => void, signal: AbortSignal): Promise<void>;
  /** Takes everything of ours off a machine. */
  release(target: SshTarget, signal: AbortSignal): Promise<void>;
  /** The path of the agent's .tar.gz, made when there is none yet. */
  bundle(): Promise<string>;
  /** The script for a machine that cannot be logged in to. */
  installScript(agent: Provisioning['agent']): string;
}
