/** How a machine is logged in to. */
export interface SshTarget {
  host: string;
  port: number;
  user: string;
  privateKey: string;
  /** `SHA256:` and the fingerprint that the machine must show. */
  hostKey: string;
}

/** What a machine is made ready for. */
export interface Provisioning {
  target: SshTarget;
  agent: {
    /** Where the agent finds the control plane. */
    url: string;
    /** PEM of the certificate that the control plane shows there. */
    certificate: string;
    /** With which the agent enrols. */
    token: string;
    /** Name of the machine. */
    machine: string;
  };
  /** Path of the agent's .tar.gz. */
  bundle: string;
}

/** How far a step is. */
export interface StepReport {
  name: string;
  state: 'running' | 'done' | 'failed';
  detail?: string;
}

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
