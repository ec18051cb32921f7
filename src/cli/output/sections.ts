import { printable } from './style.ts';

type Value = string | { text: string; paint: (text: string) => string };

/** A block of `key: value` lines, or a table under a title. Empty ones are left out. */
export interface Section {
  title?: string;
  rows?: ReadonlyArray<readonly [key: string, value: Value]>;
  table?: string;
}

/** Blocks for people, an empty line between two of them. */
export function renderSections(sections: readonly Section[]): string {
  return sections.map(renderSection).filter(Boolean).join('\n');
}

function renderSection({ title, rows = [], table = '' }: Section): string {
  const told = rows.filter(([, value]) => textOf(value) !== '');
  const width = Math.max(0, ...told.map(([key]) => key.length));
  const lines = told.map(([key, value]) => `${`${key}:`.padEnd(width + 2)}${paint(value)}\n`);
  const body = lines.join('') + (title === undefined ? table : indent(table));
  return body === '' || title === undefined ? body : `${title}:\n${body}`;
}

function textOf(value: Value): string {
  return printable(typeof value === 'string' ? value : value.text);
}

function paint(value: Value): string {
  return typeof value === 'string' ? textOf(value) : value.paint(textOf(value));
}

export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
