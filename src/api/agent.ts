import { z } from 'zod';
import { GuardVerdict, GuardView } from '../spec/guard.ts';
import { HostLayout } from '../spec/host-layout.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';
import { Receipt } from '../spec/plan.ts';
import type { VpcSpec } from '../spec/vpc.ts';
import type { Patch } from '../spec/patch.ts';
import { BackendEvidence } from './evidence.ts';
import type { CertificateSettings } from './certificate-settings.ts';
import { CertificateAuthority, CertificateReport } from './certificates.ts';
import { BackendState } from './load-balancer.ts';
import { TrafficTotals } from './stats.ts';

/** A certificate that a user has uploaded, with its key. */
export interface UploadedBundle {
  name: string;
  /** PEM: the chain, then the key. */
  pem: string;
}

/** One of the machines that serve a load balancer together. */
export interface NodeMember {
  /** Name of the machine, unique among the members. */
  name: string;
  /** Its address in the VPC, by which the members reach each other. */
  address: string;
  /** By which its HAProxy is known to the others (PEM); absent before its agent has told one. */
  certificate?: string;
}

/** How nodes announce addresses to the routers of their network. */
export interface BgpOrder {
  /** Autonomous system of the nodes. */
  asn: number;
  routers: { address: string; asn: number; password?: string }[];
}

/** A floating address that goes from machine to machine by itself, apart from the others. */
export interface SpreadAddress {
  address: string;
  /** Its virtual router id of VRRP, 1 to 255; no other address of these machines has it. */
  routerId: number;
  /** Of those that can serve, the machine with the highest priority takes it first: 150, 100, 99, … */
  priority: number;
}

/** The place of a machine among those that serve a load balancer. */
export interface NodeOrder {
  /** Name of this machine among the members. */
  name: string;
  /** Of those that can serve, the one with the highest priority takes the floating addresses first: 150, 100, 99, … */
  priority: number;
  /** This machine's address in the VPC. */
  address: string;
  /** Addresses that the machines hand each other together, or share; empty without high availability. */
  floatingAddresses: string[];
  /** The virtual router id of those; absent from control planes of before, where the load balancer's id stands for it. */
  routerId?: number;
  /** Further addresses, so that several machines have some at the same time; absent where there are none. */
  spread?: SpreadAddress[];
  /** All machines of the load balancer, this one among them. */
  members: NodeMember[];
  /** Where all machines have the floating addresses at once and announce them; absent where one has them. */
  bgp?: BgpOrder;
  /**
   * Addresses of machines that were members and may not know yet that they are none: they are told who has the floating
   * addresses, so that one which comes back does not take them too. Absent where there are none.
   */
  former?: string[];
}

/** What one machine should serve of one load balancer. */
export interface DesiredLoadBalancer {
  id: string;
  name: string;
  revision: number;
  spec: LoadBalancerSpec;
  /** The address to listen on; `*` is every address of the machine. */
  address: string;
  vpc: { name: string } & Omit<VpcSpec, 'floatingAddresses' | 'bgp' | 'driver' | 'replaceAfter'>;
  /** The operator's switch for backends on loopback. */
  allowLoopbackBackends: boolean;
  /** The uploaded certificate that the spec names; absent when it names none, or one that there is not. */
  certificate?: UploadedBundle;
  /** How long to watch whether the revision makes anything worse; absent when it is not, or no more, guarded. */
  guard?: { durationMs: number };
  /** Its place among the machines of the load balancer; absent when it is served by this machine alone. */
  node?: NodeOrder;
  /** What tells the spec from every other; absent in what an earlier version kept. */
  tag?: string;
}

/** The same to an agent that has an earlier spec: what differs. */
export interface DesiredPatch extends Omit<DesiredLoadBalancer, 'spec'> {
  /** The tag of the spec that is patched. */
  base: string;
  /** Patches in order. */
  patches: Patch[];
}

/** The version of the agent that a machine is to have. */
export interface UpgradeOrder {
  /** `0.1.0-0123456789ab`. */
  version: string;
  /** Of the bundle as it is fetched, hexadecimal. */
  sha256: string;
}

/** The answer to an agent that asks what to do. */
export interface DesiredState {
  /** Which control plane answers. An agent never takes orders to delete from another one than its own. */
  controlPlaneId: string;
  /** Give it as `since` next time. Opaque but ordered. */
  version: number;
  /** Every load balancer of the machine, changed or not; what is missing here is deleted. */
  ids: string[];
  /** Those that changed after `since`. */
  changed: (DesiredLoadBalancer | DesiredPatch)[];
  /** Absent while the agent that runs is to go on. */
  upgrade?: UpgradeOrder;
  /** How the machine obtains certificates, where it has no settings of its own. */
  certificateSettings?: CertificateSettings;
}

/** Whether a node has the floating addresses, would take them, or cannot. By BGP several have them at once. */
export const NodeRole = z.enum(['active', 'standby', 'fault']);
export type NodeRole = z.infer<typeof NodeRole>;

/** So many changes of backends are kept for each load balancer while nobody can be told of them: the last ones. */
export const MAX_UNTOLD_TURNS = 300;

/** A backend that came up or went down while nobody could be told. */
export const UntoldTurn = z.strictObject({
  at: z.iso.datetime(),
  pool: z.string().max(64),
  target: z.string().max(300),
  state: z.enum(['up', 'down']),
  reason: z.string().max(400),
});
export type UntoldTurn = z.infer<typeof UntoldTurn>;

/** What happened while nobody could be told. */
export const Untold = z.strictObject({
  /** The oldest first. */
  turns: z.array(UntoldTurn).max(MAX_UNTOLD_TURNS),
  /** How many that were older were dropped. */
  dropped: z.int().min(0),
});
export type Untold = z.infer<typeof Untold>;

export const LoadBalancerReport = z.strictObject({
  id: z.string().max(64),
  /** The newest revision that is live; 0 for none. */
  observedRevision: z.int().min(0),
  /** What became of the newest revision that was tried; absent when nothing was applied since the last report. */
  receipt: Receipt.optional(),
  /** Whether `backends` holds only those of which something is new; the others are as told before. */
  partial: z.boolean().optional(),
  backends: z.array(
    z.strictObject({
      target: z.string().max(300),
      pool: z.string().max(64),
      state: BackendState,
      reason: z.string().max(2000),
      since: z.iso.datetime(),
      address: z.string().max(64).optional(),
      sessions: z.int().min(0).optional(),
      /** That its check was changed, and the new one has not come to a verdict yet: it is up by the one before. */
      rechecking: z.boolean().optional(),
      /** Why it is down, or was; left out for those that are well, and when there are very many. */
      evidence: BackendEvidence.optional(),
    }),
  ),
  haproxy: z
    .strictObject({
      version: z.string().max(64),
      pid: z.int(),
      workerPid: z.int(),
      startedAt: z.iso.datetime(),
    })
    .optional(),
  /** How backends turned while the control plane took no reports; absent when it took them, and when none did. */
  untold: Untold.optional(),
  /** The node among the others; absent without floating addresses. */
  node: z
    .strictObject({
      role: NodeRole,
      /** Since when it has that role. */
      since: z.iso.datetime(),
      /** Why it can take no floating address; absent when it can. */
      reason: z.string().max(2000).optional(),
      /** The floating addresses that it has; absent where one machine at a time has all of them, or all have. */
      addresses: z.array(z.string().max(64)).max(64).optional(),
      /** Whether it has given its part up until it takes it again; told along with `addresses`. */
      isLastResort: z.boolean().optional(),
    })
    .optional(),
  /** How it stands with the certificates; absent without any. */
  certificates: z.array(CertificateReport).max(500).optional(),
  /** What was counted up to now, as far as it lies on the agent's disk. */
  traffic: z.strictObject({ connections: z.int().min(0), totals: TrafficTotals }).optional(),
});
export type LoadBalancerReport = z.infer<typeof LoadBalancerReport>;

/** The guard of a revision as the agent sees it. It is told until the revision is wanted without one. */
export const GuardReport = z.strictObject({
  id: z.string().max(64),
  revision: z.int().min(1),
  verdict: GuardVerdict,
  reason: z.string().max(2000),
  view: GuardView.optional(),
});
export type GuardReport = z.infer<typeof GuardReport>;

/** How the agent of a machine is upgraded: told where something on the machine can do that. */
export const Upgrader = z.strictObject({
  /** The version of the agent that runs, with what tells its build from others: `0.1.0-0123456789ab`. */
  version: z.string().max(128),
  /** The version that was tried last and did not do its work, after which the one before was taken again. */
  failed: z.strictObject({ version: z.string().max(128), reason: z.string().max(2000) }).optional(),
});
export type Upgrader = z.infer<typeof Upgrader>;

/** What an agent tells: at once when something changed, and as a heartbeat. */
export const AgentReport = z.strictObject({
  agentVersion: z.string().max(64),
  haproxyVersion: z.string().max(64).nullable(),
  /** The operating system as it names itself, such as `Debian GNU/Linux 12 (bookworm)`. */
  os: z.string().max(200).optional(),
  layout: HostLayout,
  /** Addresses of the machine, for a load balancer on all of them. */
  hostAddresses: z.array(z.string().max(64)).max(64),
  /** Why the agent does not follow this control plane, in words; absent when it does. */
  fault: z.string().max(2000).optional(),
  /** By which this machine's HAProxy is known to those of others that serve the same load balancer (PEM). */
  peerCertificate: z.string().max(8192).optional(),
  /** The CA that certificates are ordered from. */
  authority: CertificateAuthority.optional(),
  /** Absent on machines where nothing upgrades the agent. */
  upgrader: Upgrader.optional(),
  loadBalancers: z.array(LoadBalancerReport),
  /** Of every load balancer that has a guard, whether it is among the others or not: it is told often and is short. */
  guards: z.array(GuardReport).optional(),
});
export type AgentReport = z.infer<typeof AgentReport>;

/** How often an agent reports when nothing happens. */
export const HEARTBEAT_MS = 10_000;

/** Longest time in seconds that an agent may ask the control plane to hold an answer back. */
export const MAX_AGENT_WAIT_S = 60;
