/** A Markdown table; numbers stand at the right. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const isNumeric = columns.map((_, index) => index > 0);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => (isNumeric[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, index) => (isNumeric[index] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

export function ms(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

/** An aim, and whether it was met. */
export function verdict(isMet: boolean, aim: string): string {
  return `${isMet ? 'Met' : '**Missed**'}: ${aim}`;
}
