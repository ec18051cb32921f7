import { connect } from 'node:net';
import type { RateLimitKey, RateLimitUse } from '../api/rate-limits.ts';
import type { LimitTable } from '../haproxy/config/rate-limit.ts';
import { RuntimeApiError } from '../haproxy/runtime/connection.ts';

/** More of a table is not read, some thousand clients: HAProxy takes 80 ms for each megabyte. */
const MAX_TABLE_BYTES = 512 * 1024;
const TIMEOUT_MS = 4000;

/** Tells how each limit is used, by HAProxy's own tables. */
export async function readLimits(
  socketPath: string,
  tables: readonly LimitTable[],
  keys: number,
): Promise<RateLimitUse[]> {
  const uses: RateLimitUse[] = [];
  for (const table of tables) uses.push(await readLimit(socketPath, table, keys));
  return uses;
}

async function readLimit(socketPath: string, limit: LimitTable, keys: number): Promise<RateLimitUse> {
  const { name, tables, requests, window, key, action } = limit;
  const read: TableRead[] = [];
  for (const table of tables) read.push(await readTable(socketPath, table));
  const clients = addUp(read.map(({ rows }) => rows));
  const busiest = clients.toSorted(
    (left, right) => right.denied - left.denied || right.admitted - left.admitted,
  );
  return {
    name,
    requests,
    window,
    key,
    action,
    // Where not all can be read, who is in several tables is not known.
    clients: Math.max(clients.length, ...read.map(({ used }) => used)),
    isComplete: read.every(({ isWhole }) => isWhole),
    keys: busiest.slice(0, keys),
  };
}

interface TableRead {
  rows: RateLimitKey[];
  /** Clients in the table, read or not. */
  used: number;
  isWhole: boolean;
}

async function readTable(socketPath: string, table: string): Promise<TableRead> {
  // Those over the limit first, so that they are seen even where there are too many to read them all.
  const denied = await ask(socketPath, `show table ${table} data.gpc1_rate gt 0`);
  const all = await ask(socketPath, `show table ${table}`);
  const found = new Map([...parseTable(all.text), ...parseTable(denied.text)].map((row) => [row.key, row]));
  return {
    rows: [...found.values()],
    used: Number(/^# table: .*, used:(\d+)/m.exec(all.text)?.[1] ?? 0),
    isWhole: all.isWhole && denied.isWhole,
  };
}

/** What the nodes have counted of each client, together. */
function addUp(tables: readonly (readonly RateLimitKey[])[]): RateLimitKey[] {
  return [...Map.groupBy(tables.flat(), ({ key }) => key)].map(([key, rows]) => {
    const sum = (of: (row: RateLimitKey) => number) => rows.reduce((total, row) => total + of(row), 0);
    return {
      key,
      admitted: sum((row) => row.admitted),
      denied: sum((row) => row.denied),
      admittedTotal: sum((row) => row.admittedTotal),
      deniedTotal: sum((row) => row.deniedTotal),
    };
  });
}

const ENTRY =
  /^0x[0-9a-f]+: key=(?<key>.*) use=\d+ exp=\d+(?: shard=\d+)? gpc0=(?<admittedTotal>\d+) gpc0_rate\(\d+\)=(?<admitted>\d+) gpc1=(?<deniedTotal>\d+) gpc1_rate\(\d+\)=(?<denied>\d+)/;

/** The clients of a table as `show table` tells them. */
export function parseTable(text: string): RateLimitKey[] {
  return text.split('\n').flatMap((line) => {
    const groups = ENTRY.exec(line)?.groups;
    if (!groups) return [];
    const number = (name: string) => Number(groups[name]);
    return [
      {
        key: clientOf(groups['key'] ?? ''),
        admitted: number('admitted'),
        denied: number('denied'),
        admittedTotal: number('admittedTotal'),
        deniedTotal: number('deniedTotal'),
      },
    ];
  });
}

/** IPv4 clients are counted in a table of IPv6 addresses. */
function clientOf(key: string): string {
  return key.startsWith('::ffff:') && key.includes('.') ? key.slice('::ffff:'.length) : key;
}

/** Asks on a connection of its own, which is closed when the answer is longer than is wanted. */
function ask(socketPath: string, command: string): Promise<{ text: string; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let text = '';
    const end = (isWhole: boolean) => {
      socket.destroy();
      resolve({ text, isWhole });
    };
    socket.setEncoding('utf8').setTimeout(TIMEOUT_MS, () => end(false));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_TABLE_BYTES) end(false);
    });
    socket.on('end', () => end(true));
    socket.on('error', (error) =>
      reject(new RuntimeApiError(`${socketPath}: ${error.message}`, { cause: error })),
    );
    socket.write(`${command}\n`);
  });
}
