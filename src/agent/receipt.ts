import type { DesiredLoadBalancer } from '../api/agent.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { planChange } from '../haproxy/plan.ts';
import { toApplyError } from '../haproxy/process/apply-error.ts';
import type { PlanStep, Receipt } from '../spec/plan.ts';
import type { Converged } from './converge.ts';

interface Outcome {
  desired: DesiredLoadBalancer;
  machine: string;
  /** What was wanted before; undefined for the first revision that this agent sees. */
  before: ServiceModel | undefined;
  model: ServiceModel;
  /** Milliseconds since the epoch. */
  startedAt: number;
  durationMs: number;
}

export type ReceiptInput = Outcome & ({ result: Converged } | { error: unknown; isServing: boolean });

/** Writes down what a revision did on this machine. */
export function createReceipt(input: ReceiptInput): Receipt {
  const { desired, machine, before, model } = input;
  const common = {
    revision: desired.revision,
    machine,
    startedAt: new Date(input.startedAt).toISOString(),
    durationMs: Math.round(input.durationMs * 10) / 10,
    connectionsCut: 0,
  };
  if ('result' in input) {
    const { result } = input;
    const steps = result.path === 'none' ? [] : stepsTaken(before, model, result);
    return {
      ...common,
      outcome: 'applied',
      path: result.path,
      steps,
      verified: result.verified,
      connectionsCut: result.connectionsCut ?? 0,
      restored: false,
    };
  }
  const { code, message, hint } = toApplyError(input.error);
  const error = { code, detail: message, ...(hint === undefined ? {} : { hint }) };
  return {
    ...common,
    outcome: 'failed',
    path: 'none',
    steps: [],
    verified: [],
    error,
    restored: input.isServing,
  };
}

/** The plan's steps, by the path that was really taken. */
function stepsTaken(
  before: ServiceModel | undefined,
  model: ServiceModel,
  { path, fallback }: Converged,
): PlanStep[] {
  const plan = planChange(path === 'start' ? undefined : before, model);
  if (plan.path === path || path === 'none' || path === 'start' || path === 'stop') return plan.steps;
  const steps = plan.steps
    .filter(({ how }) => how === 'runtime' || how === 'reload')
    .map((step) => ({ ...step, how: path }));
  if (path === 'runtime') return steps;
  const why = fallback
    ? `the runtime API did not do as asked (${fallback})`
    : 'HAProxy ran another configuration';
  return [...steps, { action: 'reload', how: 'reload', detail: `reloads HAProxy: ${why}` }];
}
