import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChallengePublisher } from '../../../src/agent/certificates/challenges/publisher.ts';
import { findProgram } from '../../../src/host/exec.ts';
import { run } from '../command.ts';
import { freePort } from '../temporary.ts';
import { waitFor } from '../wait.ts';

/** A real BIND with a zone, which takes signed updates. */
export interface Zone {
  /** Name of the zone. */
  origin: string;
  /** `ip:port` */
  address: string;
  /** File with the key that may change it, as tsig-keygen writes it. */
  keyFile: string;
  /** Lines of nsupdate: `add app.test 0 A 127.0.0.1`, `delete app.test A`. */
  update(...lines: string[]): Promise<void>;
  /** Makes TXT records as a provider would. */
  publisher: ChallengePublisher;
  /** One whose key may take records away, and make none. */
  halfPublisher: ChallengePublisher;
  /** The values of a TXT record. */
  txt(name: string): Promise<string[]>;
  /** Stops and starts answering. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface ZoneOptions {
  /** Lines of the zone file besides its own. */
  records?: readonly string[];
  /** Name of the zone. Default: test. */
  origin?: string;
  /** Where it listens. Default: 127.0.0.1 and a free port. */
  address?: string;
  port?: number;
}

export async function startZone(directory: string, options: ZoneOptions = {}): Promise<Zone> {
  const { records = [], origin = 'test', address = '127.0.0.1', port = await freePort() } = options;
  const home = join(directory, 'bind');
  await mkdir(home);
  const makeKey = async (name: string) => {
    const file = join(home, `${name}.conf`);
    const key = execFileSync(findProgram('tsig-keygen'), ['-a', 'hmac-sha256', name]);
    await writeFile(file, key, { mode: 0o600 });
    return file;
  };
  const [keyFile, otherKeyFile] = [await makeKey('lb-key'), await makeKey('other-key')];
  await writeFile(
    join(home, 'zone'),
    `$TTL 0\n@ SOA ns root 1 1h 1h 1h 0\n@ NS ns\nns A ${address}\n${records.join('\n')}\n`,
  );
  const config = join(home, 'named.conf');
  await writeFile(
    config,
    `include "${keyFile}";
include "${otherKeyFile}";
options { directory "${home}"; pid-file none; session-keyfile none; listen-on port ${port} { ${address}; };
  listen-on-v6 { none; }; recursion no; allow-transfer { localhost; 127.0.0.0/8; }; notify no; };
controls { };
zone "${origin}" { type primary; file "zone"; update-policy { grant lb-key zonesub ANY; }; };
`,
  );
  const named: ChildProcess = spawn(findProgram('named'), ['-g', '-c', config], { stdio: 'ignore' });
  const ended = new Promise((resolve) => named.once('exit', resolve));
  const resolver = new Resolver({ timeout: 500, tries: 2 });
  resolver.setServers([`${address}:${port}`]);
  await waitFor('BIND', async () => (await resolver.resolve4(`ns.${origin}`)).length > 0);
  const send = async (key: string, ...lines: string[]) => {
    const script = [
      `server ${address} ${port}`,
      `zone ${origin}`,
      ...lines.map((line) => `update ${line}`),
      'send',
      '',
    ];
    const { code, stderr } = await run(findProgram('nsupdate'), ['-k', key], process.env, script.join('\n'));
    if (code !== 0) throw new Error(`nsupdate: ${stderr}`);
  };
  const update = (...lines: string[]) => send(keyFile, ...lines);
  const publisher: ChallengePublisher = {
    publish: (name, value) => update(`add ${name} 0 TXT "${value}"`),
    remove: (name, value) => update(`delete ${name} TXT "${value}"`),
  };
  return {
    origin,
    address: `${address}:${port}`,
    keyFile,
    update,
    publisher,
    halfPublisher: {
      ...publisher,
      publish: (name, value) => send(otherKeyFile, `add ${name} 0 TXT "${value}"`),
    },
    txt: async (name) => {
      try {
        return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
      } catch {
        // No such record.
        return [];
      }
    },
    pause: () => void named.kill('SIGSTOP'),
    resume: () => void named.kill('SIGCONT'),
    async stop() {
      named.kill('SIGKILL');
      await ended;
    },
  };
}
