import type { BackendStatus, LoadBalancer } from '../../api/load-balancer.ts';
import type { FieldError } from '../../base/errors.ts';
import type { Receipt } from '../../spec/plan.ts';
import { allBackends } from '../../spec/pools-of.ts';
import { backendKey, backendText } from '../backend-text.ts';
import { CliFailure, EXIT } from '../failure.ts';
import { idlePools } from '../output/result.ts';

/** More backends than this are only counted. */
const MAX_NAMED = 20;

/** Reasons for having too few machines that end by themselves. */
const COMING: ReadonlySet<string> = new Set(['MakingMachine', 'AwaitingMachine']);

/**
 * True when every backend has answered its first check, or its new one, and nothing is on its way to a node. A change of
 * how many nodes there are is waited for until they are there, as long as machines are on their way.
 */
export function isSettled(lb: LoadBalancer, before: LoadBalancer | undefined): boolean {
  if (lb.status.state === 'pending' || uncheckedTargets(lb).length > 0) return false;
  if (before?.spec.nodes === lb.spec.nodes) return true;
  return !lb.status.conditions.some(({ type, reason }) => type === 'Placed' && COMING.has(reason));
}

/** Targets that no node has an answer from yet. */
function uncheckedTargets({ spec, status }: LoadBalancer): string[] {
  const isKnown = ({ state, rechecking }: BackendStatus) => state !== 'checking' && rechecking !== true;
  const known = new Set(status.backends.filter(isKnown).map(backendKey));
  return allBackends(spec)
    .map(({ pool, backend: { target } }) => ({ pool, target }))
    .filter((name) => !known.has(backendKey(name)))
    .map(backendText);
}

/** A node could not apply the revision. */
export function applyFailure(lb: LoadBalancer, { revision, machine, error, restored }: Receipt): CliFailure {
  const cause = error?.detail ?? 'the node gave no reason';
  const kept = restored ? '; the last good state is serving' : '';
  return new CliFailure(
    EXIT.failed,
    error?.code ?? 'apply_failed',
    `revision ${revision} of ${lb.name} failed on ${machine}: ${cause}${kept}`,
    {
      hint: error?.hint ?? `agentmetal lb revisions ${lb.name} ${revision}`,
    },
  );
}

/** The time was over before the revision was live and checked everywhere. */
export function waitTimeout(lb: LoadBalancer, revision: number, timeout: string): CliFailure {
  const live = lb.status.observedRevision >= revision;
  const unchecked = uncheckedTargets(lb);
  const hint = `The change goes on. Look again: agentmetal lb show ${lb.name}`;
  if (live) {
    const detail = `revision ${revision} of ${lb.name} is live, but after ${timeout} ${listed(unchecked) || 'it'} still has no settled state`;
    const errors = [...badBackends(lb), ...falseConditions(lb).filter(({ code }) => COMING.has(code))];
    return new CliFailure(EXIT.waitTimedOut, 'wait_timeout', detail, { hint, errors });
  }
  const detail = `revision ${revision} of ${lb.name} is not live after ${timeout}`;
  return new CliFailure(EXIT.waitTimedOut, 'wait_timeout', detail, {
    hint,
    errors: [...lateNodes(lb, revision), ...falseConditions(lb)],
  });
}

/** The revision is live, but not everything behind it is well; `undefined` when it is. */
export function degradation(lb: LoadBalancer, revision: number): CliFailure | undefined {
  const { state } = lb.status;
  if (state === 'active' || state === 'pending' || allBackends(lb.spec).length === 0) return undefined;
  // Drained on purpose: that is worth a warning, and no failure.
  const idle = idlePools(lb);
  const hasOther = lb.status.backends.some((backend) => isBad(backend) && !idle.includes(backend.pool));
  if (state === 'degraded' && idle.length > 0 && !hasOther) return undefined;
  const bad = badBackends(lb);
  const what =
    bad.length > 0
      ? `: ${bad.length} of ${lb.status.backends.length} backends ${bad.length === 1 ? 'is' : 'are'} not up`
      : '';
  return new CliFailure(
    EXIT.degraded,
    'degraded',
    `revision ${revision} of ${lb.name} is live, but its state is ${state}${what}`,
    {
      hint: adviceFor(lb),
      errors: bad.length > 0 ? capped(bad) : falseConditions(lb),
    },
  );
}

function badBackends({ status }: LoadBalancer): FieldError[] {
  return status.backends.filter(isBad).map(({ target, pool, state, reason }) => ({
    pointer: '',
    code: state,
    detail: `${backendText({ target, pool })} is ${state}${reason ? `: ${reason}` : ''}`,
  }));
}

function isBad({ state }: BackendStatus): boolean {
  return state === 'down' || state === 'unresolved';
}

function adviceFor({ name, spec, status }: LoadBalancer): string {
  const lost = status.backends.find(({ state }) => state === 'unresolved');
  if (lost) {
    const host = lost.target.replace(/:\d+$/, '');
    return `Tell the VPC where ${host} is: agentmetal vpc host add ${spec.vpc} ${host} ADDRESS`;
  }
  if (status.conditions.some(({ type }) => type === 'AddressHeld'))
    return `See what the nodes say: agentmetal lb show ${name}`;
  return `Mend or remove what is down, then look again: agentmetal lb health ${name}`;
}

function lateNodes({ status }: LoadBalancer, revision: number): FieldError[] {
  if (status.nodes.length === 0)
    return [fact('no_node', 'no machine serves it yet: agentmetal machine list')];
  return status.nodes
    .filter(({ observedRevision }) => observedRevision < revision)
    .map(({ machine, observedRevision, connected }) =>
      fact(
        'late_node',
        `${machine} is at revision ${observedRevision}${connected ? '' : '; its agent does not report'}`,
      ),
    );
}

function falseConditions({ status }: LoadBalancer): FieldError[] {
  return status.conditions
    .filter(({ status: value }) => value === 'false')
    .map(({ reason, message }) => fact(reason, message));
}

function fact(code: string, detail: string): FieldError {
  return { pointer: '', code, detail };
}

function capped(errors: readonly FieldError[]): FieldError[] {
  if (errors.length <= MAX_NAMED) return [...errors];
  return [...errors.slice(0, MAX_NAMED), fact('more', `and ${errors.length - MAX_NAMED} more`)];
}

function listed(targets: readonly string[]): string {
  if (targets.length <= 3) return targets.join(', ');
  return `${targets.slice(0, 3).join(', ')} and ${targets.length - 3} more`;
}
