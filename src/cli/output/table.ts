import { printable } from './style.ts';

/** A column: its heading and how to read its cell from a row. */
export interface Column<T> {
  heading: string;
  cell(row: T): string;
  /** Colours a cell after it was measured. */
  paint?(text: string, row: T): string;
}

/** Rows in columns two spaces apart, without borders, so that `awk` and eyes both read it. */
export function renderTable<T>(
  columns: ReadonlyArray<Column<T>>,
  rows: readonly T[],
  { header = true } = {},
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row)) || '-'));
  const headings = columns.map((column) => column.heading);
  const widths = columns.map((_, index) => widest(header ? [headings, ...cells] : cells, index));
  const lines = cells.map((line, row) =>
    joinLine(line, widths, (text, index) => paintCell(columns[index], text, rows[row])),
  );
  return [...(header ? [joinLine(headings, widths)] : []), ...lines].map((line) => `${line}\n`).join('');
}

function widest(lines: ReadonlyArray<readonly string[]>, index: number): number {
  return lines.reduce((width, line) => Math.max(width, (line[index] ?? '').length), 0);
}

function joinLine(
  cells: readonly string[],
  widths: readonly number[],
  paint = (text: string, _index: number) => text,
): string {
  return cells
    .map((cell, index) => {
      const last = index === cells.length - 1;
      return paint(cell, index) + (last ? '' : ' '.repeat((widths[index] ?? 0) - cell.length));
    })
    .join('  ');
}

function paintCell<T>(column: Column<T> | undefined, text: string, row: T | undefined): string {
  return column?.paint && row !== undefined ? column.paint(text, row) : text;
}
