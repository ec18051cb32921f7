import type { Logger } from 'pino';
import type { CertificateSettings } from '../api/certificate-settings.ts';
import type { Clock } from '../base/clock.ts';
import type { renderConfig } from '../haproxy/config/render.ts';
import type { planChange } from '../haproxy/plan.ts';
import type { Store } from '../store/open.ts';
import type { AddressPool } from './address-pool.ts';
import type { AgentAccess } from './agent-listener/access.ts';
import type { LatestTotals } from './agent/latest-totals.ts';
import type { TakenVersions } from './agent/taken-versions.ts';
import type { OrderFailures } from './certificates/order-failures.ts';
import type { Changes } from './changes.ts';
import type { Lookup } from '../dns/lookup.ts';
import type { ZoneProviders } from './dns/zone-providers.ts';
import type { MachineMaker } from './machines/made/maker.ts';
import type { MachineProvisioner } from './machines/provisioner.ts';
import type { Questions } from './questions/questions.ts';
import type { ReplacementRules } from './replacement/judge.ts';
import type { Sealer } from './sealing.ts';
import type { WantedAgent } from './upgrades/bundle.ts';

/** What every handler works with; all of it is handed in. */
export interface ServerContext {
  store: Store;
  clock: Clock;
  /** A new identifier such as `lb_01m833pgxtewv9hb4s1e6n3b2k`. */
  newId: (prefix: string) => string;
  /** Random bytes for keys and tokens. */
  randomBytes: (size: number) => Buffer;
  changes: Changes;
  taken: TakenVersions;
  questions: Questions;
  totals: LatestTotals;
  orderFailures: OrderFailures;
  /** Encrypts what the store must not hold in the clear. */
  sealer: Sealer;
  /** The providers of DNS zones, with their credentials. */
  zones: ZoneProviders;
  /** What clients see in DNS. */
  lookup: Lookup;
  plan: typeof planChange;
  render: typeof renderConfig;
  log: Logger;
  addressPool: AddressPool;
  allowLoopbackBackends: boolean;
  /** How machines obtain certificates; it holds a secret. */
  certificateSettings: CertificateSettings;
  /** How machines reach the control plane; undefined where it does not listen for them. */
  agentAccess: AgentAccess | undefined;
  /** What makes machines on this host; undefined where it was not handed in. */
  maker: MachineMaker | undefined;
  /** What makes machines ready; undefined where it was not handed in. */
  provisioner: MachineProvisioner | undefined;
  /** The version of the agent that machines should have; undefined where there is nothing to make them ready with. */
  wantedAgent: WantedAgent | undefined;
  /** Whether agents get it by themselves, or when somebody asks. */
  agentUpgrades: 'auto' | 'manual';
  /** When machines that are silent are replaced, where their VPC does not say. */
  replacement: ReplacementRules;
  /** Aborted when the server closes: whoever waits answers with what it has. */
  closing: AbortSignal;
}

/** The present time as it is stored and answered. */
export function timestamp(context: Pick<ServerContext, 'clock'>): string {
  return new Date(context.clock.now()).toISOString();
}
