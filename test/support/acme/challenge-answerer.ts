import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../../src/host/exec.ts';
import { withRuntime } from '../../../src/haproxy/runtime/connection.ts';
import { waitFor } from '../wait.ts';

/** A real HAProxy that answers challenges without a state of its own, and redirects everything else. */
export interface ChallengeAnswerer {
  /** Sets by which account's thumbprint it answers; the last word counts. */
  setThumbprint(thumbprint: string): Promise<void>;
  /** How many requests it has had. */
  asked(): Promise<number>;
  stop(): Promise<void>;
}

export async function startAnswerer(home: string, address: string, port: number): Promise<ChallengeAnswerer> {
  await mkdir(home);
  const [config, map, socket] = [join(home, 'haproxy.cfg'), join(home, 'challenges.map'), join(home, 's')];
  await writeFile(map, '');
  await writeFile(
    config,
    `global
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  timeout connect 3s
  timeout client 30s
  timeout server 30s
frontend http
  bind ${address}:${port}
  acl acme path_reg ^/\\.well-known/acme-challenge/[A-Za-z0-9_-]{16,128}$
  http-request set-var(txn.th) str(_thumb),map_str(${map}) if acme
  http-request return status 200 content-type text/plain lf-string "%[path,field(4,/)].%[var(txn.th)]" if acme { var(txn.th) -m found }
  http-request redirect scheme https code 301
`,
  );
  const haproxy = spawn(findProgram('haproxy'), ['-db', '-f', config], { stdio: 'ignore' });
  const tell = (command: string) => withRuntime(socket, (runtime) => runtime.send(command));
  await waitFor('HAProxy', () => tell('show info'));
  let known: string | undefined;
  let last = Promise.resolve();
  const set = async (thumbprint: string) => {
    if (thumbprint === known) return;
    known = thumbprint;
    await tell(`clear map ${map}`);
    await tell(`add map ${map} _thumb ${thumbprint}`);
  };
  return {
    setThumbprint(thumbprint) {
      last = last.then(() => set(thumbprint));
      return last;
    },
    async asked() {
      const [names = '', ...lines] = (await tell('show stat')).split('\n');
      const column = names.split(',').indexOf('req_tot');
      const line = lines.find((each) => each.startsWith('http,FRONTEND,'));
      return Number(line?.split(',')[column]);
    },
    async stop() {
      await last;
      const ended = new Promise((resolve) => haproxy.once('exit', resolve));
      haproxy.kill('SIGKILL');
      await ended;
    },
  };
}
