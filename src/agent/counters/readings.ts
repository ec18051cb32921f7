import { inTurns } from '../../base/turns.ts';
import { frontendName, isFailOpen } from '../../haproxy/config/names.ts';
import { type StatTable, rowType } from '../../haproxy/runtime/stat.ts';

/** Columns of `show stat` that only grow while a worker lives, in the order of {@link Reading.values}. */
export const COLUMNS = [
  'stot',
  'req_tot',
  'bin',
  'bout',
  'hrsp_1xx',
  'hrsp_2xx',
  'hrsp_3xx',
  'hrsp_4xx',
  'hrsp_5xx',
  'hrsp_other',
  'dreq',
  'dcon',
  'dses',
  'ereq',
  'econ',
  'eresp',
  'wretr',
  'wredis',
  'cli_abrt',
  'srv_abrt',
] as const;
export type Column = (typeof COLUMNS)[number];

/** One value for each of {@link COLUMNS}. */
export type Values = readonly number[];

/** What a worker tells of one frontend, backend or server. */
export interface Reading {
  key: string;
  values: Values;
  /** Connections or requests now. */
  connections: number;
  queue: number;
  /** Averages of the last 1024 requests in milliseconds: queue, connect, response, total. */
  averages: readonly [number, number, number, number];
}

export const clientsKey = (type: 'http' | 'tcp') => `frontend/${frontendName(type)}`;
export const backendKey = (backend: string) => `backend/${backend}`;
export const serverKeyOf = (backend: string, server: string) => `server/${backend}/${server}`;

const CLIENTS = [frontendName('http'), frontendName('tcp')];

/** The rows that are about clients, pools and their members. What else has a colon in its name is HAProxy's own. */
export function readingsOf(table: StatTable): Reading[] {
  const at = (name: string) => table.columns.get(name) ?? -1;
  const [proxyAt, serverAt, connectionsAt, queueAt] = ['pxname', 'svname', 'scur', 'qcur'].map(at);
  const counters = COLUMNS.map(at);
  const averages = ['qtime', 'ctime', 'rtime', 'ttime'].map(at);
  const number = (row: readonly string[], index: number) => Number(row[index] || 0);
  return table.rows.flatMap((row) => {
    const key = keyOf(rowType(table, row), row[proxyAt ?? -1] ?? '', row[serverAt ?? -1] ?? '');
    if (key === undefined) return [];
    return [
      {
        key,
        values: counters.map((index) => number(row, index)),
        connections: number(row, connectionsAt ?? -1),
        queue: number(row, queueAt ?? -1),
        averages: averages.map((index) => number(row, index)) as unknown as Reading['averages'],
      },
    ];
  });
}

/** The same of very many rows: lets others have their turn in between. */
export async function readReadings(table: StatTable): Promise<Reading[]> {
  const readings: Reading[] = [];
  for await (const rows of inTurns(table.rows)) readings.push(...readingsOf({ ...table, rows }));
  return readings;
}

function keyOf(type: ReturnType<typeof rowType>, proxy: string, server: string): string | undefined {
  if (type === 'frontend') return CLIENTS.includes(proxy) ? `frontend/${proxy}` : undefined;
  if (proxy.includes(':') && !isFailOpen(proxy)) return undefined;
  if (type === 'backend') return backendKey(proxy);
  return type === 'server' ? serverKeyOf(proxy, server) : undefined;
}

/** Client connections of a worker. */
export function clientConnections(readings: readonly Reading[]): number {
  return readings
    .filter(({ key }) => key.startsWith('frontend/'))
    .reduce((sum, { connections }) => sum + connections, 0);
}
