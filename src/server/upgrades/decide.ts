/** A machine as far as upgrading its agent goes. */
export interface UpgradableMachine {
  id: string;
  name: string;
  /** The version that runs; undefined where nothing on the machine could switch to another. */
  version: string | undefined;
  /** Ready, and its agent reports. */
  isOnline: boolean;
  /** The load balancer that it is a node of; undefined for one that is free. */
  loadBalancerId: string | undefined;
  /** Whether the newest revision of that is live on it. */
  isLive: boolean;
  /** Whether it has a floating address just now. */
  isActive: boolean;
  upgrade: { version: string; state: 'asked' | 'running' | 'failed'; reason: string | null } | undefined;
}

export interface RolloutRules {
  /** The version that agents should have. */
  wanted: string;
  /** Whether machines that nobody has asked for are upgraded too. */
  isAutomatic: boolean;
  isPaused: boolean;
}

/** What is done next, and what keeps the others waiting. */
export interface RolloutStep {
  /** The machine whose agent is upgraded now; undefined for none. */
  next: UpgradableMachine | undefined;
  state: 'done' | 'running' | 'waiting' | 'paused' | 'stopped' | 'manual';
  /** Why nothing is begun; empty when something is, or nothing is to be done. */
  reason: string;
}

/**
 * Decides which agent is upgraded next: one at a time in the whole fleet, free machines first and the node with the floating
 * address last, and only where all nodes of the load balancer serve. One that failed stops the roll-out, but not what somebody
 * asks for.
 */
export function nextUpgrade(
  machines: readonly UpgradableMachine[],
  { wanted, isAutomatic, isPaused }: RolloutRules,
): RolloutStep {
  const lacking = machines.filter(({ version }) => version !== undefined && version !== wanted);
  if (lacking.length === 0) return { next: undefined, state: 'done', reason: '' };
  const running = machines.find(({ upgrade }) => upgrade?.state === 'running');
  if (running)
    return { next: undefined, state: 'running', reason: `the agent of ${running.name} is upgraded` };
  const asked = lacking.filter(({ upgrade }) => upgrade?.state === 'asked');
  const failed = lacking.find(({ upgrade }) => upgrade?.state === 'failed' && upgrade.version === wanted);
  const holding = holdOf(failed, { isAutomatic, isPaused });
  const candidates = holding ? asked : [...asked, ...lacking.filter((one) => !asked.includes(one))];
  if (candidates.length === 0 && holding) return holding;
  const next = candidates
    .filter((one) => one.isOnline && isSafe(one, machines))
    .toSorted((left, right) => order(left) - order(right) || (left.name < right.name ? -1 : 1))[0];
  if (next) return { next, state: 'running', reason: '' };
  const names = candidates.map(({ name }) => name).join(', ');
  return {
    next: undefined,
    state: 'waiting',
    reason: `${names}: an agent is silent, or not all nodes of the load balancer serve`,
  };
}

function holdOf(
  failed: UpgradableMachine | undefined,
  { isAutomatic, isPaused }: Pick<RolloutRules, 'isAutomatic' | 'isPaused'>,
): RolloutStep | undefined {
  if (isPaused)
    return { next: undefined, state: 'paused', reason: 'it is paused: agentmetal machine upgrade --all' };
  if (failed) {
    const reason = `the agent of ${failed.name} could not be upgraded: ${failed.upgrade?.reason ?? 'no reason was given'}. When that is mended: agentmetal machine upgrade --all`;
    return { next: undefined, state: 'stopped', reason };
  }
  if (isAutomatic) return undefined;
  return {
    next: undefined,
    state: 'manual',
    reason: 'agents are upgraded when asked: agentmetal machine upgrade --all',
  };
}

/** While an agent restarts nobody heals its HAProxy, so the others of the load balancer must serve. */
function isSafe({ loadBalancerId }: UpgradableMachine, all: readonly UpgradableMachine[]): boolean {
  if (loadBalancerId === undefined) return true;
  return all
    .filter((one) => one.loadBalancerId === loadBalancerId)
    .every(({ isOnline, isLive }) => isOnline && isLive);
}

function order({ upgrade, loadBalancerId, isActive }: UpgradableMachine): number {
  if (upgrade?.state === 'asked') return 0;
  if (loadBalancerId === undefined) return 1;
  return isActive ? 3 : 2;
}
