import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface WrkOptions {
  url: string;
  seconds: number;
  connections: number;
  /** Opens a connection for each request. */
  isConnectionPerRequest: boolean;
  /** A file of Lua that makes the requests. Default: GET of the URL, without more. */
  script?: string;
}

export interface WrkResult {
  requests: number;
  perSecond: number;
  /** Milliseconds. */
  p99: number;
  failed: number;
}

/** @throws with the line to type when wrk is not there. */
export async function requireWrk(): Promise<void> {
  await requirePrograms({ wrk: 'wrk' });
}

/** @throws with the line to type when one of the programs is not there; they are given with their packages. */
export async function requirePrograms(packages: Readonly<Record<string, string>>): Promise<void> {
  const missing = [];
  for (const [name, from] of Object.entries(packages)) {
    const isThere = await run('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin" command -v ${name}`]).then(
      () => true,
      () => false,
    );
    if (!isThere) missing.push(from);
  }
  if (missing.length > 0) throw new Error(`this experiment needs: apt-get install ${missing.join(' ')}`);
}

export async function runWrk({
  url,
  seconds,
  connections,
  isConnectionPerRequest,
  script,
}: WrkOptions): Promise<WrkResult> {
  const close = isConnectionPerRequest ? ['-H', 'Connection: close'] : [];
  const lua = script === undefined ? [] : ['-s', script];
  const args = ['-t2', `-c${connections}`, `-d${seconds}s`, '--latency', ...close, ...lua, url];
  const { stdout } = await run('wrk', args);
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const statusErrors = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? '0';
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99: milliseconds(/^\s*99%\s+(\S+)/m.exec(stdout)?.[1] ?? ''),
    failed: [...socketErrors, statusErrors].reduce((total, count) => total + Number(count), 0),
  };
}

const UNITS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function milliseconds(text: string): number {
  const [, number, unit = ''] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
}
