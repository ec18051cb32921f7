import type { GlobalOptions } from '../global-options.ts';
import type { TextOutput } from '../io.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

type Format = 'table' | 'json' | 'yaml' | 'name';

/** Prints data on stdout in the format that the user asked for. */
export interface Printer {
  readonly format: Format;
  readonly style: Style;
  /** Writes text as it is. */
  text(text: string): void;
  /** One object: `text` is what people get. */
  object(value: unknown, views: { text: () => string; name: string }): Promise<void>;
  /** Several objects: a table for people; `-o json` keeps the API's page. */
  list<T>(
    items: readonly T[],
    views: { columns: ReadonlyArray<Column<T>>; name: (item: T) => string; empty: string; value?: unknown },
  ): Promise<void>;
}

interface PrinterOptions {
  stdout: TextOutput;
  stderr: TextOutput;
  style: Style;
  options: Pick<GlobalOptions, 'output' | 'header' | 'quiet'>;
}

export function createPrinter({ stdout, stderr, style, options }: PrinterOptions): Printer {
  const format = options.output as Format;
  const text = (value: string) => void stdout.write(value);
  return {
    format,
    style,
    text,
    async object(value, views) {
      if (format === 'table') text(views.text());
      else if (format === 'name') text(`${views.name}\n`);
      else text(await serialize(value, format));
    },
    async list(items, { columns, name, empty, value }) {
      if (format === 'name') return text(items.map((item) => `${name(item)}\n`).join(''));
      if (format !== 'table') return text(await serialize(value ?? { items, nextCursor: null }, format));
      if (items.length === 0 && !options.quiet) return void stderr.write(`${empty}\n`);
      text(renderTable(columns, items, { header: options.header !== false }));
    },
  };
}

/** A value as JSON or YAML text with a line end. */
export async function serialize(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${visible(JSON.stringify(value, null, 2))}\n`;
  // YAML is loaded only where it is needed: it costs more time than the rest of the CLI.
  const { Document, visit } = await import('yaml');
  const document = new Document(value);
  visit(document, {
    Scalar(_, scalar) {
      // Only there can they be written out.
      if (typeof scalar.value === 'string' && INVISIBLE.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  return visible(document.toString());
}

/** A value as one line of JSON. */
export function jsonLine(value: unknown): string {
  return `${visible(JSON.stringify(value))}\n`;
}

/** Control characters of terminals beyond those that JSON writes out by itself, and marks that turn or hide text. */
const INVISIBLE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const ALL_INVISIBLE = new RegExp(INVISIBLE, 'g');

/** Writes them as escapes, which say the same: what clients have sent must not steer the terminal of who looks at it. */
function visible(text: string): string {
  return text.replace(
    ALL_INVISIBLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
