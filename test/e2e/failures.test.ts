import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { type Product, startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const isRoot = process.getuid?.() === 0;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function product(options: Parameters<typeof startProduct>[0] = {}): Promise<Product> {
  const started = await startProduct(options);
  cleanups.push(() => started.stop());
  return started;
}

async function backend(name: string): Promise<TestBackend> {
  const started = await startBackend({ name });
  cleanups.push(() => started.stop());
  return started;
}

describe('what goes wrong on the machine', () => {
  it('a port in use: the CLI and the revision say so, and it is served once the port is free', async () => {
    const running = await product();
    const one = await backend('one');
    await running.sh(`agentmetal lb create web --type http --port 8080 --target ${one.target}`);
    const address = (await running.loadBalancer('web')).status.addresses[0] ?? '';
    const intruder = createServer();
    await new Promise<void>((resolve) => intruder.listen(8081, address, resolve));
    const failed = await running.sh('agentmetal lb update web --port 8081');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain(`${address}:8081 is in use by another process`);
    expect(failed.stderr).toContain('ss -ltnp');
    const shown = await running.loadBalancer('web');
    expect(shown.status).toMatchObject({ state: 'error', observedRevision: 1 });
    expect(await (await fetch(`http://${address}:8080/`)).text()).toBe('one');
    await new Promise((resolve) => intruder.close(resolve));
    await waitFor('active', async () => (await running.loadBalancer('web')).status.state === 'active');
    expect(await (await fetch(`http://${address}:8081/`)).text()).toBe('one');
  });

  it('no haproxy: the CLI says what to install', async () => {
    const directory = await temporaryDirectory();
    cleanups.push(directory.remove);
    // A machine without HAProxy: a PATH that has only what the product itself needs.
    await mkdir(join(directory.path, 'bin'));
    for (const name of ['openssl', 'sh', 'node', 'uname', 'readlink']) {
      const found = execFileSync('sh', ['-c', `command -v ${name}`])
        .toString()
        .trim();
      await symlink(found, join(directory.path, 'bin', name));
    }
    const running = await product({ env: { AGENTMETAL_HAPROXY: join(directory.path, 'bin', 'haproxy') } });
    const failed = await running.sh('agentmetal lb create web --type http');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('there is no HAProxy on this machine');
    expect(failed.stderr).toContain('apt-get install haproxy');
  });

  it.runIf(isRoot)(
    'a full disk: a clear error, the last good state serves, and the change is made once there is room',
    async () => {
      const directory = await temporaryDirectory();
      const mount = join(directory.path, 'disk');
      await mkdir(mount);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', mount]);
      cleanups.push(async () => {
        execFileSync('umount', ['-l', mount]);
        await directory.remove();
      });
      const running = await product({ dataDir: join(mount, 'data') });
      const one = await backend('one');
      await running.sh(`agentmetal lb create web --type http --port 8080 --target ${one.target}`);
      const url = `http://${(await running.loadBalancer('web')).status.addresses[0]}:8080/`;
      // The control plane keeps its database on the same disk: leave it room, but not for a second one.
      execFileSync('sh', ['-c', `dd if=/dev/zero of='${mount}/fill' bs=4k 2>/dev/null || true`]);
      const failed = await running.sh('agentmetal lb update web --algorithm leastconn --timeout 10s');
      expect(failed.code).not.toBe(0);
      expect(failed.stderr).toMatch(/disk .*is full/i);
      expect(await (await fetch(url)).text()).toBe('one');
      execFileSync('rm', [`${mount}/fill`]);
      const mended = await running.sh('agentmetal lb update web --algorithm leastconn');
      expect(mended).toMatchObject({ code: 0 });
    },
  );

  it('a configuration that HAProxy refuses: the reason is told, the last good state serves', async () => {
    const directory = await temporaryDirectory();
    cleanups.push(directory.remove);
    const picky = join(directory.path, 'haproxy');
    await writeFile(
      picky,
      `#!/bin/sh\nif [ "$1" = -c ] && [ -e ${directory.path}/refuse ]; then echo "[ALERT]    (1) : config : parsing [x:1] : unknown keyword 'bogus'" >&2; exit 1; fi\nPATH="$PATH:/usr/sbin" exec haproxy "$@"\n`,
    );
    await chmod(picky, 0o755);
    const running = await product({ env: { AGENTMETAL_HAPROXY: picky } });
    const one = await backend('one');
    await running.sh(`agentmetal lb create web --type http --port 8080 --target ${one.target}`);
    await writeFile(join(directory.path, 'refuse'), '');
    const failed = await running.sh('agentmetal lb algorithm set web leastconn');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("unknown keyword 'bogus'");
    const url = `http://${(await running.loadBalancer('web')).status.addresses[0]}:8080/`;
    expect(await (await fetch(url)).text()).toBe('one');
  });
});

describe('rules of a VPC', () => {
  it('refuses backends outside of it, on loopback and link-local, with what to do', async () => {
    const running = await product({ allowLoopback: false });
    await running.sh('agentmetal vpc create prod --cidr 10.0.0.0/16');
    for (const target of [
      '8.8.8.8:80',
      '127.0.0.1:80',
      '169.254.169.254:80',
      '[::1]:80',
      '10.1.0.1:80',
      '0.0.0.0:80',
    ]) {
      const refused = await running.sh(
        `agentmetal lb create web --type http --vpc prod --target '${target}'`,
      );
      expect({ target, code: refused.code }).toEqual({ target, code: 2 });
      expect(refused.stderr).toMatch(/outside VPC prod|may not be/);
    }
    const unknown = await running.sh('agentmetal lb create web --type http --vpc staging');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('agentmetal vpc create staging --cidr');
    // A name that stands for a loopback address is found out by the agent.
    const sneaky = await running.sh('agentmetal lb create web --type http --vpc prod --target localhost:80');
    expect(sneaky.code).toBe(8);
    expect(sneaky.stderr).toContain('which a backend may not be');
  });
});
