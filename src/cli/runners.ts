/** When machines that are silent are replaced: after how long, and how many at once; what is absent has its default. */
type ReplacementSettings = 'never' | { afterMs?: number; atOnce?: number };

/** What `agentmetal up` starts. */
export interface UpOptions {
  /** `host:port` of the API. */
  listen: string;
  dataDir: string;
  /** CIDR, list of addresses, or `*`. */
  addressPool: string;
  allowLoopbackBackends: boolean;
  /** Becomes the first admin key at first start. */
  apiKey?: string;
  /** Makes the sample VPC, backends and load balancer. */
  demo: boolean;
  /** Listens beyond loopback without TLS. */
  insecureListen: boolean;
  /** Name server, `ip:port`, that is asked what clients see of domains. */
  resolver?: string;
  tlsCert?: string;
  tlsKey?: string;
  /** `host:port` on which machines reach the control plane. */
  agentListen?: string;
  /** What machines call. */
  agentUrl?: string;
  /** When machines that are silent are replaced. */
  replacement?: ReplacementSettings;
  /** Whether agents get the version of the control plane by themselves. */
  agentUpgrades?: 'auto' | 'manual';
  /** Added to ports below 1024 where they may not be bound. */
  lowPortOffset?: number;
}

interface DownOptions {
  dataDir: string;
}

/** What `agentmetal server` starts. */
interface ServerOptions {
  listen: string;
  dataDir: string;
  addressPool: string;
  allowLoopbackBackends: boolean;
  /** From the environment alone: it holds a password. */
  databaseUrl?: string;
  /** Becomes the first admin key at first start. */
  apiKey?: string;
  insecureListen: boolean;
  /** Name server, `ip:port`, that is asked what clients see of domains. */
  resolver?: string;
  tlsCert?: string;
  tlsKey?: string;
  /** `host:port` on which machines reach the control plane. */
  agentListen?: string;
  /** What machines call. */
  agentUrl?: string;
  /** When machines that are silent are replaced. */
  replacement?: ReplacementSettings;
  /** Whether agents get the version of the control plane by themselves. */
  agentUpgrades?: 'auto' | 'manual';
}

/** What `agentmetal agent` starts. */
interface AgentOptions {
  url: string;
  /** File with the agent's own credential. */
  tokenFile?: string;
  /** File with the token by which it gets one. */
  enrolFile?: string;
  /** Certificate or CA of the control plane to trust. */
  caFile?: string;
  dataDir: string;
  lowPortOffset?: number;
}

/** The long-running parts of the product, handed in by the composition root. Each resolves to an exit code. */
export interface Runners {
  up(options: UpOptions): Promise<number>;
  down(options: DownOptions): Promise<number>;
  server(options: ServerOptions): Promise<number>;
  agent(options: AgentOptions): Promise<number>;
}
