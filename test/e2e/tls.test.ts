import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { servedSerial } from '../support/handshake.ts';
import { type Product, ROOT, startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { createTestCa } from '../support/test-ca.ts';
import { waitFor } from '../support/wait.ts';

const directory = await temporaryDirectory();
let product: Product;
let backend: TestBackend;
beforeAll(async () => {
  backend = await startBackend({ name: 'web' });
  product = await startProduct();
});
afterAll(async () => {
  await product?.stop();
  await backend?.stop();
  await directory.remove();
});

async function addressOf(name: string): Promise<string> {
  return (await product.loadBalancer(name)).status.addresses[0] ?? '';
}

async function create(name: string): Promise<string> {
  const line = `agentmetal lb create ${name} --type http --target ${backend.target}`;
  expect(await product.sh(line)).toMatchObject({ code: 0 });
  return addressOf(name);
}

it('the document’s commands upload, serve, show and replace a certificate', async () => {
  const address = await create('web-lb');
  const text = await readFile(join(ROOT, 'docs/tls.md'), 'utf8');
  const scripts = [...text.matchAll(/^```sh run\n(.*?)^```/gms)].map(([, script = '']) => script);
  expect(scripts).toHaveLength(2);
  const folder = await mkdtemp(join(directory.path, 'doc-'));
  for (const script of scripts) {
    const result = await product.sh(`cd '${folder}' && export ADDRESS=${address} && set -e\n${script}`);
    expect(result.code, `${script}\n${result.stderr}`).toBe(0);
    expect(result.stdout).toMatch(/^web$|web\n?$|\nweb/m);
  }
});

it('a certificate is served without the control plane and the agent, and after their restart', async () => {
  const address = await create('survivor');
  const ca = createTestCa(directory.path);
  const [first, second] = [ca.issue({ names: ['app.test'] }), ca.issue({ names: ['app.test'] })];
  const upload = (path: string) =>
    product.sh(
      `agentmetal lb tls upload survivor --cert ${path.replace('-bundle', '')} --key ${path.replace('-bundle.pem', '.key')}`,
    );
  expect(await upload(first.path)).toMatchObject({ code: 0 });
  expect(await servedSerial(address, 'app.test')).toBe(first.serial);
  const { haproxy } = (await product.loadBalancer('survivor')).status.nodes[0] ?? {};

  const replaced = await upload(second.path);
  expect(replaced).toMatchObject({ code: 0, stdout: expect.stringContaining(`serial ${second.serial}`) });
  expect(await servedSerial(address, 'app.test')).toBe(second.serial);
  const after = await product.loadBalancer('survivor');
  expect(after.status.nodes[0]?.haproxy?.workerPid).toBe(haproxy?.workerPid);
  expect(after.status.certificates).toMatchObject([
    { domain: 'app.test', state: 'active', serial: second.serial, source: 'uploaded' },
  ]);

  await product.end();
  expect(await servedSerial(address, 'app.test')).toBe(second.serial);
  await product.restart();
  await waitFor('the agent to report', async () => {
    const { status } = await product.loadBalancer('survivor');
    return status.certificates[0]?.serial === second.serial && status.state === 'active';
  });
  expect(await servedSerial(address, 'app.test')).toBe(second.serial);
  // Neither key is anywhere in what `up` and its processes have said.
  for (const { privateKey } of [first, second])
    expect(product.output()).not.toContain(privateKey.split('\n')[1]);
  const refused = await product.sh(
    `agentmetal lb tls upload survivor --cert ${first.path.replace('-bundle', '')} --key ${second.path.replace('-bundle.pem', '.key')}`,
  );
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not the key of any certificate'),
  });
  expect(await servedSerial(address, 'app.test')).toBe(second.serial);
});
