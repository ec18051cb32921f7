import type { LogEntry } from '../../api/logs.ts';
import { formatAmount } from './amount.ts';
import { type Style, printable } from './style.ts';

/** One request for people: when, who, what, how it ended, how long it took, and where it went. */
export function renderLogLine(entry: LogEntry, style: Style): string {
  const { time, client, milliseconds, bytesOut, termination, retries, route, machine } = entry;
  const notes = [
    ...(route === undefined ? [] : [`route ${route}`]),
    ...(retries > 0 ? [`${retries} ${retries === 1 ? 'retry' : 'retries'}`] : []),
    ...(isWell(termination) ? [] : [`ended ${termination}`]),
    // The machine of the control plane itself serves alone.
    ...(machine === 'local' ? [] : [`by ${machine}`]),
  ];
  const parts = [
    time.slice(11, 23),
    client,
    ...requestParts(entry, style),
    `${milliseconds.total ?? 0}ms`,
    `${formatAmount(bytesOut)}B`,
    '→',
    entry.backend === undefined ? (entry.pool ?? '-') : `${entry.backend} (${entry.pool ?? '-'})`,
    ...(notes.length > 0 ? [style('dim', notes.map(printable).join(', '))] : []),
  ];
  return `${parts.join(' ')}\n`;
}

/** Nothing is told of what ended as it should: fully, or by a rule of the load balancer. */
function isWell(termination: string): boolean {
  return ['--', 'PR', 'LR'].includes(termination);
}

function requestParts({ method, host, path, query, status }: LogEntry, style: Style): string[] {
  if (status === undefined && method === undefined) return ['connection'];
  const target = `${host ?? ''}${path ?? ''}${query === undefined ? '' : `?${query}`}`;
  return [printable(`${method ?? 'unreadable'} ${target}`), paintStatus(status, style)];
}

function paintStatus(status: number | undefined, style: Style): string {
  if (status === undefined) return '-';
  const text = String(status);
  if (status >= 500) return style('red', text);
  return style(status >= 400 ? 'yellow' : 'green', text);
}
