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
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  // YAML is loaded only where it is needed: it costs more time than the rest of the CLI.
  const { stringify } = await import('yaml');
  return stringify(value);
}
