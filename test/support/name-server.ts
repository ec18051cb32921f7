import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { freePort, temporaryDirectory } from './temporary.ts';
import { waitFor } from './wait.ts';

const NAMED = '/usr/sbin/named';

/** Whether BIND is installed; `npm test` installs it as root. */
export const hasNamed = existsSync(NAMED);

/** A real BIND that answers for one zone. */
export interface NameServer {
  /** `address:port`, as a VPC names it. */
  address: string;
  /** Replaces the zone's records, e.g. `web 0 A 127.0.0.1`, and waits until they are served. */
  setRecords(lines: string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface NameServerOptions {
  /** Address that it listens on. Default: 127.0.0.1. */
  host?: string;
  /** Network namespace that it runs in, with the port of DNS for itself. Default: that of the tests. */
  namespace?: string;
  /** Default: `test`. */
  zone?: string;
}

export async function startNameServer(
  lines: string[],
  { host = '127.0.0.1', namespace, zone: name = 'test' }: NameServerOptions = {},
): Promise<NameServer> {
  const inside = (program: string, ...args: string[]): [string, string[]] =>
    namespace === undefined ? [program, args] : ['ip', ['netns', 'exec', namespace, program, ...args]];
  const directory = await temporaryDirectory();
  const port = namespace === undefined ? await freePort() : 53;
  const zone = join(directory.path, 'zone');
  let serial = 0;
  const writeZone = (records: string[]) => {
    serial += 1;
    return writeFile(
      zone,
      `$TTL 0\n@ SOA ns root ${serial} 1h 1h 1h 0\n@ NS ns\nns A 127.0.0.1\n${records.join('\n')}\n`,
    );
  };
  await writeZone(lines);
  const config = join(directory.path, 'named.conf');
  await writeFile(
    config,
    `options { directory "${directory.path}"; listen-on port ${port} { ${host}; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; };
controls { };
zone "${name}" { type primary; file "${zone}"; notify no; };
`,
  );
  const named: ChildProcess = spawn(...inside(NAMED, '-g', '-c', config, '-p', String(port)), {
    stdio: 'ignore',
  });
  const served = () =>
    waitFor(`serial ${serial}`, async () => {
      const question = ['+short', '+time=1', '+tries=1', `@${host}`, '-p', String(port), name, 'SOA'];
      const { stdout } = await run(...inside('dig', ...question), process.env);
      return stdout.split(' ')[2] === String(serial);
    });
  await served();
  return {
    address: `${host}:${port}`,
    async setRecords(records) {
      // BIND compares modification times in seconds, and SIGHUP makes it look.
      await waitFor('the next second', () => Math.floor(Date.now() / 1000) > Math.floor(startedAt / 1000));
      startedAt = Date.now();
      await writeZone(records);
      named.kill('SIGHUP');
      await served();
    },
    async stop() {
      if (named.exitCode !== null || named.signalCode !== null) return;
      const ended = new Promise((resolve) => named.once('exit', resolve));
      named.kill('SIGKILL');
      await ended;
      await directory.remove();
    },
  };
}

let startedAt = Date.now();
