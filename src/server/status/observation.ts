import type { Receipt } from '../../spec/plan.ts';
import type { CertificateReportRecord, CertificateSummary } from '../../store/certificates.ts';
import type { DnsRecordRow } from '../../store/dns-records.ts';
import type { GuardRecord } from '../../store/guards.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { MachineHost } from '../../store/machine-hosts.ts';
import type { MachineRecord } from '../../store/machines.ts';
import type { NodeRecord } from '../../store/nodes.ts';
import type { ReplacementRecord } from '../../store/replacements.ts';

/** A node with its machine, and the receipt of the newest revision there. */
export interface ObservedNode {
  node: NodeRecord;
  machine: MachineRecord;
  /** How the machine is in its VPC; undefined for the one that load balancers share. */
  host: MachineHost | undefined;
  receipt: Receipt | undefined;
}

/** Too few machines for a load balancer. */
export interface PlacementLack {
  /** Name of the VPC. */
  vpc: string;
  /** Every other machine of the VPC and why it is not used, in words. */
  others: readonly string[];
  /** Whether the driver of the VPC makes those that are missing. */
  isMaking: boolean;
  /** Whether one of the others is being made ready. */
  isComing: boolean;
}

/** Too few floating addresses for a load balancer. */
export interface AddressLack {
  /** Name of the VPC that they come from. */
  vpc: string;
  wanted: number;
}

/** A node that has been silent for long. */
export interface LostMachine {
  row: ReplacementRecord;
  machine: string;
  /** Name of the machine that takes its place; undefined while there is none. */
  replacedBy: string | undefined;
}

/** All that the status of a load balancer is computed from. */
export interface Observation {
  record: LoadBalancerRecord;
  nodes: readonly ObservedNode[];
  /** The guards of the newest revision and of the one before it. */
  guards?: readonly GuardRecord[];
  /** What was uploaded, and what machines tell of certificates. */
  certificates?: { uploads: readonly CertificateSummary[]; reports: readonly CertificateReportRecord[] };
  /** What is known of the DNS records of its domains. */
  dns?: readonly DnsRecordRow[];
  /** Names of the DNS zones by id, where there are such records. */
  zoneNames?: ReadonlyMap<string, string>;
  /** What keeps it from having the machines that it should have; absent when nothing does. */
  lack?: PlacementLack;
  /** What keeps it from having the floating addresses that it should have; absent when nothing does. */
  addressLack?: AddressLack;
  /** Its nodes that have been silent for long, each with the names of the machines; absent where there are none. */
  lost?: readonly LostMachine[];
  /** Milliseconds since the epoch. */
  now: number;
}

export type Progress = 'pending' | 'active' | 'error';

/** How far a node is with the newest revision. */
export function nodeProgress(
  { record }: Pick<Observation, 'record'>,
  { node, receipt }: ObservedNode,
): Progress {
  if (node.observedRevision >= record.revision) return 'active';
  return receipt?.outcome === 'failed' ? 'error' : 'pending';
}
