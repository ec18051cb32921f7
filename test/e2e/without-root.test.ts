import { execFile, execFileSync, spawn } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { startBackend } from '../support/backends.ts';
import { ROOT } from '../support/product.ts';
import { freePort, temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const NOBODY = 65_534;
const AS_NOBODY = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];

/** Root can become somebody else; whoever is nobody special already has only to be able to read the checkout. */
function canBecomeNobody(): boolean {
  try {
    execFileSync('setpriv', [...AS_NOBODY, 'test', '-r', join(ROOT, 'dist/main.js')], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

it.runIf(canBecomeNobody())(
  'without root it serves ports below 1024 at 8000 higher, and says so',
  async () => {
    const home = join(directory.path, 'home');
    await mkdir(home);
    await chown(home, NOBODY, NOBODY);
    await chown(directory.path, NOBODY, NOBODY);
    const backend = await startBackend({ name: 'one' });
    const listen = `127.0.0.1:${await freePort()}`;
    const env = {
      PATH: '/usr/bin:/bin',
      HOME: home,
      AGENTMETAL_URL: `http://${listen}`,
      AGENTMETAL_ALLOW_LOOPBACK_BACKENDS: '1',
      NO_COLOR: '1',
    };
    const agentmetal = join(ROOT, 'bin/agentmetal');
    const up = spawn(
      'setpriv',
      [...AS_NOBODY, agentmetal, 'up', '--listen', listen, '--address-pool', '127.209.0.0/24'],
      { env },
    );
    let output = '';
    up.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    up.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const run = async (...args: string[]) =>
      (await promisify(execFile)('setpriv', [...AS_NOBODY, agentmetal, ...args], { env })).stdout;
    try {
      await waitFor('up', () => output.includes('Next, in another terminal'), 30_000);
      expect(output).toContain(
        'Not root: ports below 1024 are served 8000 higher (80 on 8080, 443 on 8443).',
      );
      await run(
        'lb',
        'create',
        '--name',
        'web',
        '--type',
        'http',
        '--target',
        backend.target,
        '--health-check',
        'http:/health:1s',
      );
      const { status } = JSON.parse(await run('lb', 'show', 'web', '-o', 'json')) as {
        status: { nodes: { listeners: string[] }[] };
      };
      expect(status.nodes[0]?.listeners).toEqual(['127.209.0.1:8080', '127.209.0.1:8443']);
      expect(await (await fetch('http://127.209.0.1:8080/')).text()).toBe('one');
    } finally {
      const ended = new Promise((resolve) => up.once('exit', resolve));
      up.kill('SIGTERM');
      await ended;
      await run('down');
      await backend.stop();
    }
  },
);
