import type { LogFilter, LogLine } from '../../api/logs.ts';

/** What tells whether a line is wanted. */
export function logMatcher(filter: LogFilter, since = 0): (line: LogLine) => boolean {
  const { status, path, method, ...exact } = filter;
  const wanted = Object.entries(exact).filter(([, value]) => value !== undefined);
  const isStatus = status === undefined ? () => true : statusMatcher(status);
  const upper = method?.toUpperCase();
  return (line) =>
    Date.parse(line.time) >= since &&
    wanted.every(([name, value]) => line[name as keyof typeof exact] === value) &&
    (path === undefined || (line.path?.startsWith(path) ?? false)) &&
    (upper === undefined || line.method === upper) &&
    isStatus(line.status);
}

/** `404`, `5xx`, `500-599`, or several by commas. */
function statusMatcher(text: string): (status: number | undefined) => boolean {
  const ranges = text.split(',').map(rangeOf);
  return (status) =>
    status !== undefined && ranges.some(({ first, last }) => first <= status && status <= last);
}

function rangeOf(term: string): { first: number; last: number } {
  if (term.endsWith('xx')) {
    const first = Number(term[0]) * 100;
    return { first, last: first + 99 };
  }
  const [first = '', last = first] = term.split('-');
  return { first: Number(first), last: Number(last) };
}
