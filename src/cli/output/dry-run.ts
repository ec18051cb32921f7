import type { DryRun } from '../../api/load-balancer.ts';
import { jsonPointer } from '../../base/pointer.ts';
import type { Change } from '../../spec/diff.ts';
import type { Plan } from '../../spec/plan.ts';
import { readablePath } from './path.ts';
import { type Style, printable } from './style.ts';

/** A longer value fills lines without saying more. */
const MAX_VALUE = 100;

/** What a write would do, for people. */
export function renderDryRun(
  name: string,
  { revision, spec, diff, plan, warnings = [] }: DryRun,
  style: Style,
): string {
  if (spec !== null && diff.length === 0) return `${name}: no differences\n`;
  const title =
    spec === null ? `This would delete ${name}.` : `This would make revision ${revision} of ${name}.`;
  const missing = warnings
    .map((warning) => `\n${style('yellow', 'Warning:')} ${printable(warning)}\n`)
    .join('');
  return `${title} Nothing was changed.\n\n${renderDiff(diff, style)}\n${renderPlan(plan)}${missing}`;
}

/** Differences, one a line: `+` new, `-` gone, `~` changed. */
export function renderDiff(diff: readonly Change[], style: Style): string {
  const lines = diff.flatMap(unfold).map((change) => `  ${changeLine(change, style)}\n`);
  return `Differences:\n${lines.join('') || '  none\n'}`;
}

/** The steps of a plan and the path that each takes. */
export function renderPlan({ path, steps }: Plan): string {
  const lines = steps.map(({ how, detail, action, target }) => {
    const words = detail || [action, target].filter(Boolean).join(' ');
    return `  ${how.padEnd(7)}  ${printable(words)}\n`;
  });
  return `Plan: ${path}${path === 'runtime' ? ' (nothing reloads)' : ''}\n${lines.join('')}`;
}

/** What is new and long is told field by field. */
function unfold(change: Change): Change[] {
  const { pointer, from, to } = change;
  const isLong = from === undefined && fullText(to).length > MAX_VALUE;
  if (!isLong || typeof to !== 'object' || to === null || Array.isArray(to)) return [change];
  return Object.entries(to).flatMap(([key, value]) =>
    unfold({ pointer: pointer + jsonPointer([key]), to: value as unknown }),
  );
}

function changeLine({ pointer, from, to }: Change, style: Style): string {
  const path = printable(readablePath(pointer));
  if (from === undefined) return style('green', `+ ${path}: ${valueText(to)}`);
  if (to === undefined)
    return style('red', pointer === '' ? '- the whole load balancer' : `- ${path}${goneText(from)}`);
  return style('yellow', `~ ${path}: ${valueText(from)} -> ${valueText(to)}`);
}

/** What is gone need not be read again where it is long. */
function goneText(value: unknown): string {
  const text = fullText(value);
  return text.length > MAX_VALUE ? ' (removed)' : `: ${text}`;
}

function valueText(value: unknown): string {
  const text = fullText(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE - 1)}…` : text;
}

function fullText(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}
