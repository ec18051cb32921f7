import { formatDuration } from '../../base/duration.ts';
import { CONNECTED_MS } from '../status/nodes.ts';

/** What was seen where a silent machine should serve. */
export type Evidence =
  /** Something took a connection on a port of the load balancer. */
  | { kind: 'serves'; at: string; seenBy: string }
  /** Nothing did, as seen from machines beside it. */
  | { kind: 'gone'; seenBy: readonly string[] }
  /** Nobody who is near it could look. */
  | { kind: 'unseen' };

/** A machine of a VPC that is ready to serve, as far as judging silence goes. */
export interface WatchedMachine {
  id: string;
  name: string;
  vpcId: string;
  vpc: string;
  /** How long a machine of the VPC may be silent, in milliseconds; undefined where that is not set for the VPC itself. */
  vpcAfterMs: number | undefined;
  /** Id and name of the load balancer that it is a node of; undefined for one that is free. */
  loadBalancer: { id: string; name: string } | undefined;
  /** Nothing was heard of it for so long, in which somebody listened. 0 for one that reports. */
  silentMs: number;
  /** Its place has been given to another one already. */
  isReplaced: boolean;
  /** Another one has been chosen to take its place. */
  isBeingReplaced: boolean;
  /** Somebody moves what is on it away. */
  isDraining: boolean;
  /** It could be given to a load balancer now. */
  isFree: boolean;
  /** What was seen of it a moment ago; undefined when nobody has looked. */
  evidence: Evidence | undefined;
}

export interface ReplacementRules {
  /** So long a machine may be silent before it is looked at, in milliseconds; Infinity for without end. */
  afterMs: number;
  /** So many are replaced at the same time. */
  atOnce: number;
  /** Milliseconds from the beginning of one replacement to that of the next one. */
  pauseMs: number;
}

/** What holds unless somebody says otherwise. */
export const DEFAULT_REPLACEMENT: ReplacementRules = { afterMs: 300_000, atOnce: 1, pauseMs: 60_000 };

export interface FleetView {
  machines: readonly WatchedMachine[];
  /** Milliseconds since a replacement was last begun or ended; Infinity when none was. */
  sinceLastMs: number;
}

/** What is to be done about a node that has been silent for too long. */
export interface Verdict {
  machine: WatchedMachine;
  /** `look`: somebody should look at it. `hold`: it stays. `replace`: another machine takes its place. */
  action: 'look' | 'hold' | 'replace';
  /** Stable word for the reason. */
  code: 'looking' | 'storm' | 'no_free_machine' | 'turn' | 'serves' | 'unseen' | 'gone';
  /** The reason, as the rest of a sentence about the machine. */
  reason: string;
}

/** More than this share of the machines silent at once is taken for a fault of the network. */
const MOST_SILENT = 1 / 3;

/**
 * Decides about the nodes whose agents are silent. A machine is replaced only when it has been silent for long, when nobody
 * near it finds its load balancer served there, when few others are silent (else it is the network, or the control plane
 * itself, that has failed), when there is one to take its place, and when no other is just being replaced.
 */
export function judgeSilence({ machines, sinceLastMs }: FleetView, rules: ReplacementRules): Verdict[] {
  const suspects = machines
    .filter((machine) => isSuspect(machine, rules))
    .toSorted((left, right) => right.silentMs - left.silentMs || (left.name < right.name ? -1 : 1));
  const underWay = machines.filter(({ isBeingReplaced }) => isBeingReplaced);
  const free = new Map<string, number>();
  for (const { vpcId, isFree } of machines) free.set(vpcId, (free.get(vpcId) ?? 0) + (isFree ? 1 : 0));
  let turns = sinceLastMs < rules.pauseMs ? 0 : Math.max(0, rules.atOnce - underWay.length);
  const verdicts: Verdict[] = [];
  for (const machine of suspects) {
    const verdict =
      judgeStorm(machine, machines) ??
      judgeRoom(machine, free.get(machine.vpcId) ?? 0) ??
      (turns > 0 ? judgeEvidence(machine) : heldForTurn(machine, underWay, rules));
    verdicts.push(verdict);
    if (verdict.action === 'hold') continue;
    turns -= 1;
    free.set(machine.vpcId, (free.get(machine.vpcId) ?? 0) - 1);
  }
  return verdicts;
}

/** How long a machine may be silent: as its VPC says, else as the control plane was told. */
export function limitOf(
  vpcAfterMs: number | undefined,
  { afterMs }: Pick<ReplacementRules, 'afterMs'>,
): number {
  return vpcAfterMs ?? afterMs;
}

function isSuspect(machine: WatchedMachine, rules: ReplacementRules): boolean {
  const { loadBalancer, silentMs, isReplaced, isBeingReplaced, isDraining } = machine;
  const isSilent = silentMs >= limitOf(machine.vpcAfterMs, rules);
  return loadBalancer !== undefined && isSilent && !isReplaced && !isBeingReplaced && !isDraining;
}

function judgeStorm(machine: WatchedMachine, all: readonly WatchedMachine[]): Verdict | undefined {
  const groups = [
    { where: `of VPC ${machine.vpc}`, members: all.filter(({ vpcId }) => vpcId === machine.vpcId) },
    { where: 'of all VPCs', members: all },
  ];
  for (const { where, members } of groups) {
    // Those that have been replaced are known to be gone: they say nothing of the network.
    const counted = members.filter(({ isReplaced }) => !isReplaced);
    const silent = counted.filter(({ silentMs }) => silentMs > CONNECTED_MS).length;
    const most = mostSilent(counted.length);
    if (silent <= most) continue;
    const reason = `${silent} of the ${counted.length} machines ${where} are silent at once, and with more than ${most} it is rather the network, or the control plane’s own host, that has failed`;
    return { machine, action: 'hold', code: 'storm', reason };
  }
  return undefined;
}

/** So many of some machines may be silent at once before that is taken for a fault of the network. */
export function mostSilent(count: number): number {
  return Math.max(1, Math.floor(count * MOST_SILENT));
}

function judgeRoom(machine: WatchedMachine, free: number): Verdict | undefined {
  if (free > 0) return undefined;
  const reason = `no machine of VPC ${machine.vpc} is free to take its place: agentmetal machine add ADDRESS --vpc ${machine.vpc}`;
  return { machine, action: 'hold', code: 'no_free_machine', reason };
}

function heldForTurn(
  machine: WatchedMachine,
  underWay: readonly WatchedMachine[],
  { atOnce, pauseMs }: ReplacementRules,
): Verdict {
  const names = underWay.map(({ name }) => name).join(', ');
  const reason =
    names === ''
      ? `another one was replaced a moment ago, and between two there are ${formatDuration(pauseMs)}`
      : `${names} ${underWay.length === 1 ? 'is' : 'are'} being replaced, and only ${atOnce} at a time may be`;
  return { machine, action: 'hold', code: 'turn', reason };
}

function judgeEvidence(machine: WatchedMachine): Verdict {
  const { evidence } = machine;
  switch (evidence?.kind) {
    case undefined:
      return { machine, action: 'look', code: 'looking', reason: 'somebody looks whether it serves' };
    case 'serves': {
      const reason = `${evidence.at} takes connections, as seen from ${evidence.seenBy}: its agent alone is gone. On it: systemctl restart agentmetal-agent`;
      return { machine, action: 'hold', code: 'serves', reason };
    }
    case 'unseen': {
      const reason = 'no agent that is near it could be asked whether it serves';
      return { machine, action: 'hold', code: 'unseen', reason };
    }
    case 'gone': {
      const reason = `silent for ${minutes(machine.silentMs)}, and no port of ${machine.loadBalancer?.name ?? 'it'} takes connections there, as seen from ${evidence.seenBy.join(' and ')}`;
      return { machine, action: 'replace', code: 'gone', reason };
    }
  }
}

function minutes(ms: number): string {
  const whole = Math.round(ms / 60_000);
  if (whole < 1) return `${Math.round(ms / 1000)} seconds`;
  return whole === 1 ? 'a minute' : `${whole} minutes`;
}
