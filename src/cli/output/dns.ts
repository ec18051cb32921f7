import type { DnsStatus } from '../../api/dns-status.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import type { Column } from './table.ts';

/** The columns of how it stands with the records of domains: all that is known, or the short of it. */
export function dnsColumns(style: Style, { isWhole }: { isWhole: boolean }): Array<Column<DnsStatus>> {
  const details: Array<Column<DnsStatus>> = [
    { heading: 'WANTED', cell: ({ records }) => recordText(records, ({ wanted }) => wanted) },
    { heading: 'SEEN', cell: ({ records }) => recordText(records, ({ seen = [] }) => seen) },
  ];
  return [
    { heading: 'DOMAIN', cell: ({ domain }) => domain },
    { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
    { heading: 'ZONE', cell: ({ zone = '' }) => zone },
    ...(isWhole ? details : []),
    { heading: 'WHAT-TO-DO', cell: ({ whatToDo = '' }) => whatToDo },
  ];
}

function recordText(
  records: DnsStatus['records'],
  values: (record: DnsStatus['records'][number]) => readonly string[],
): string {
  return records.flatMap((record) => values(record).map((value) => `${record.type} ${value}`)).join(', ');
}
