import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../support/command.ts';
import { type Product, ROOT, startProduct } from '../support/product.ts';
import { freePort, loopbackPool, temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

const up = async (...args: string[]) => {
  const env = { ...process.env, XDG_CONFIG_HOME: join(directory.path, 'config'), NO_COLOR: '1' };
  const common = [
    'up',
    '--listen',
    `127.0.0.1:${await freePort()}`,
    '--data-dir',
    join(directory.path, 'data'),
  ];
  return run(join(ROOT, 'bin/agentmetal'), [...common, ...args], env);
};

describe('a start that cannot be', () => {
  it.each([
    ['an address pool that is none', ['--address-pool', 'foo'], /address pool|foo/],
    ['a certificate without its key', ['--tls-cert', '/nowhere.pem'], /--tls-key is missing/],
    [
      'a certificate that is not there',
      ['--tls-cert', '/nowhere.pem', '--tls-key', '/nowhere.key'],
      /nowhere/,
    ],
    ['an address to listen on that is none', ['--listen', 'somewhere'], /somewhere/],
  ])('ends at once and says why: %s', async (_, args, reason) => {
    const result = await up(...args);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(reason);
    expect(result.stdout).not.toContain('AgentMetal is up');
  });
});

describe('a second start on the same data', () => {
  it('is refused, and so is `down` while it runs', async () => {
    const product = await startProduct();
    try {
      await product.sh('agentmetal lb create web --type tcp --port 4000');
      const second = await product.sh(
        `agentmetal up --listen 127.0.0.1:${await freePort()} --data-dir '${product.dataDir}' --address-pool ${loopbackPool()} 2>&1`,
      );
      expect(second.code).not.toBe(0);
      expect(second.stdout).toMatch(/the control plane of .* is running already \(process \d+\)/);
      const down = await product.sh(`agentmetal down --data-dir '${product.dataDir}'`);
      expect(down.code).not.toBe(0);
      expect(down.stderr).toContain('End `agentmetal up` first');
    } finally {
      await product.stop();
    }
  });
});

describe('the demo', () => {
  const requestShown = /curl http:\/\/[\d.]+\/ {3}→ {2}200 Hello from web-[12]/;

  it('makes a load balancer with two servers and shows a request, at a second start too', async () => {
    const product = await startProduct({ args: ['--demo'] });
    try {
      await waitFor('the request', () => requestShown.test(product.output()));
      // What is there already need not be made.
      expect(product.output()).not.toContain('lb create');
      await product.restart();
      await waitFor('the request again', () => requestShown.test(product.output()));
      expect(product.output()).not.toMatch(/→ {2}503/);
    } finally {
      await product.stop();
    }
  });

  it('that fails does not keep `up` from ending, and ends its servers', async () => {
    const product = await startProduct({ args: ['--demo'] });
    try {
      await waitFor('the request', () => requestShown.test(product.output()));
      await product.sh(
        'agentmetal lb delete web-lb --yes && agentmetal lb create --name web-lb --type tcp --port 4000',
      );
      await product.restart();
      await waitFor('a word', () => product.output().includes('is left alone'));
      await expect(fetch('http://127.90.0.1:8080/')).rejects.toThrow('fetch failed');
    } finally {
      await product.stop();
    }
  });

  it('leaves alone what is not its own', async () => {
    const product: Product = await startProduct();
    try {
      await product.sh(
        'agentmetal vpc create prod --cidr 10.0.0.0/16 && agentmetal vpc host add prod web-1 10.0.0.7',
      );
      const demo = await startProduct({ dataDir: product.dataDir, args: ['--demo'], takeOver: product });
      await waitFor('a word', () => demo.output().includes('is left alone'));
      const shown = await demo.sh('agentmetal vpc host list prod');
      expect(shown.stdout).toContain('10.0.0.7');
      expect(shown.stdout).not.toContain('127.90.');
      await demo.stop();
    } finally {
      await product.stop();
    }
  });
});
