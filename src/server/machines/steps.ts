import type { MachineStep } from '../../spec/machine.ts';
import type { StepReport } from './provisioner.ts';

const MAX_DETAIL = 2000;

/** The steps after one of them has come further; a step that is new comes last. */
export function withStep(
  steps: readonly MachineStep[],
  { name, state, detail = '' }: StepReport,
  now: number,
): MachineStep[] {
  const before = steps.find((step) => step.name === name);
  const at = state === 'running' || !before?.at ? new Date(now).toISOString() : before.at;
  const ms = state === 'running' ? null : Math.max(0, now - Date.parse(at));
  const step: MachineStep = { name, state, detail: detail.slice(0, MAX_DETAIL), at, ms };
  return before ? steps.map((each) => (each === before ? step : each)) : [...steps, step];
}

/** The steps after an end that no step told of: what was running has failed. */
export function withFailure(steps: readonly MachineStep[], detail: string, now: number): MachineStep[] {
  const running = steps.find(({ state }) => state === 'running');
  return running ? withStep(steps, { name: running.name, state: 'failed', detail }, now) : [...steps];
}
