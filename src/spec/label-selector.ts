import type { Labels } from './name.ts';

/** One term of a selector: `key`, `!key`, `key=value` or `key!=value`. */
interface Requirement {
  key: string;
  operator: 'exists' | 'absent' | 'equals' | 'differs';
  value: string;
}

export type LabelSelector = readonly Requirement[];

const TERM = /^(?<not>!)?(?<key>[A-Za-z0-9_./-]+)(?:(?<operator>!=|==?)(?<value>[A-Za-z0-9_.-]*))?$/;

/**
 * Reads a selector such as `env=prod,tier!=cache,!legacy`: terms separated by commas, all of which must hold.
 * @returns the selector, or `undefined` when a term is malformed.
 */
export function parseLabelSelector(text: string): LabelSelector | undefined {
  const requirements: Requirement[] = [];
  for (const term of text.split(',').map((part) => part.trim())) {
    const groups = TERM.exec(term)?.groups;
    if (!groups?.['key'] || (groups['not'] && groups['operator'])) return undefined;
    const { key, not, operator, value = '' } = groups;
    if (!operator) requirements.push({ key, operator: not ? 'absent' : 'exists', value: '' });
    else requirements.push({ key, operator: operator === '!=' ? 'differs' : 'equals', value });
  }
  return requirements;
}

export function matchesLabels(selector: LabelSelector, labels: Labels): boolean {
  return selector.every(({ key, operator, value }) => {
    const actual = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (operator === 'exists') return actual !== undefined;
    if (operator === 'absent') return actual === undefined;
    return operator === 'equals' ? actual === value : actual !== value;
  });
}
