import { execFile } from 'node:child_process';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, temporaryDirectory } from '../../test/support/temporary.ts';
import { type RunServerOptions, runServer } from './main.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let options: RunServerOptions & { localAgentTokenFile: string };
beforeEach(async () => {
  directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'data');
  const localAgentTokenFile = join(dataDir, 'agent', 'token');
  options = {
    dataDir,
    listen: '127.0.0.1:0',
    addressPool: '127.80.0.0/24',
    localAgentTokenFile,
    logLevel: 'silent',
  };
});
afterEach(() => directory.remove());

const run = promisify(execFile);
const get = (url: string, key: string) => fetch(url, { headers: { authorization: `Bearer ${key}` } });

test('the first start makes a key, which is told once, and a token that only its owner may read', async () => {
  const first = await runServer(options);
  expect(first.adminKey).toMatch(/^am_[0-9A-Za-z]{40}$/);
  expect((await get(`${first.url}/v1/vpcs`, first.adminKey ?? '')).status).toBe(200);
  await first.close();
  expect((await stat(options.localAgentTokenFile)).mode & 0o777).toBe(0o600);
  expect((await stat(join(options.dataDir, 'agentmetal.db'))).mode & 0o777).toBe(0o600);
  expect((await stat(options.dataDir)).mode & 0o777).toBe(0o700);
  const token = await readFile(options.localAgentTokenFile, 'utf8');
  const second = await runServer({ ...options, adminKey: 'ignored-now' });
  expect(second.adminKey).toBeUndefined();
  expect(await readFile(options.localAgentTokenFile, 'utf8')).toBe(token);
  expect((await get(`${second.url}/v1/vpcs`, 'ignored-now')).status).toBe(401);
  expect((await get(`${second.url}/v1/vpcs`, first.adminKey ?? '')).status).toBe(200);
  await second.close();
});

test('a given key becomes the first admin key, and an unknown token is made anew', async () => {
  const first = await runServer({ ...options, adminKey: 'chosen-by-me' });
  expect(first.adminKey).toBeUndefined();
  expect((await get(`${first.url}/v1/keys`, 'chosen-by-me')).status).toBe(200);
  await first.close();
  await writeFile(options.localAgentTokenFile, 'amt_nobody_knows_me\n');
  const second = await runServer(options);
  const token = (await readFile(options.localAgentTokenFile, 'utf8')).trim();
  expect((await get(`${second.url}/v1/agent/desired`, token)).status).toBe(200);
  await second.close();
});

test('a port in use is told and costs nothing of the first start', async () => {
  const port = await freePort();
  const holder = createServer().listen(port, '127.0.0.1');
  const listen = `127.0.0.1:${port}`;
  await expect(runServer({ ...options, listen })).rejects.toThrow(`${listen} is in use by another process`);
  await new Promise((resolve) => holder.close(resolve));
  const server = await runServer({ ...options, listen });
  expect(server.adminKey).toMatch(/^am_/);
  await server.close();
});

test('it does not listen beyond loopback without TLS unless told', async () => {
  for (const listen of ['0.0.0.0:0', ':0', '[::]:0', '192.0.2.1:0', 'example.com:0']) {
    await expect(runServer({ ...options, listen })).rejects.toThrow('without TLS would show API keys');
  }
  await expect(runServer({ ...options, listen: 'nonsense' })).rejects.toThrow('cannot be read');
  const server = await runServer({ ...options, listen: '0.0.0.0:0', insecureListen: true });
  expect(server.url).toMatch(/^http:\/\/localhost:\d+$/);
  await server.close();
});

test('with a certificate it speaks TLS', async () => {
  const [cert, key] = [join(directory.path, 'cert.pem'), join(directory.path, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  await run('openssl', ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', cert, ...subject]);
  const server = await runServer({ ...options, tls: { cert, key } });
  const { stdout } = await run('curl', ['-s', '--cacert', cert, `${server.url}/healthz`]);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'ok' });
  await server.close();
  await expect(runServer({ ...options, tls: { cert: '/nowhere', key } })).rejects.toThrow('cannot be read');
});

test('where machines reach it, agents are answered over TLS and nobody else is', async () => {
  const port = await freePort();
  const agentListen = `127.0.0.1:${port}`;
  const server = await runServer({ ...options, adminKey: 'chosen-by-me', agentListen });
  const token = (await readFile(options.localAgentTokenFile, 'utf8')).trim();
  const status = async (path: string, key: string) => {
    const header = `Authorization: Bearer ${key}`;
    const url = `https://${agentListen}${path}`;
    return (await run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', '-H', header, url])).stdout;
  };
  expect(await status('/v1/agent/desired', token)).toBe('200');
  expect(await status('/v1/agent/desired', 'another')).toBe('401');
  expect(await status('/v1/keys', 'chosen-by-me')).toBe('404');
  await server.close();
  await expect(status('/v1/agent/desired', token)).rejects.toMatchObject({ code: 7 });
  const holder = createServer().listen(port, '127.0.0.1');
  await expect(runServer({ ...options, agentListen })).rejects.toThrow(`${agentListen} is in use`);
  await new Promise((resolve) => holder.close(resolve));
});

test('a data folder that cannot be used is told', async () => {
  await writeFile(join(directory.path, 'file'), '');
  await expect(runServer({ ...options, dataDir: join(directory.path, 'file', 'data') })).rejects.toThrow(
    'cannot be opened',
  );
  await writeFile(
    join(directory.path, 'agentmetal.db'),
    'this is no database, and it is long enough to be looked at',
  );
  await chmod(directory.path, 0o700);
  await expect(runServer({ ...options, dataDir: directory.path })).rejects.toThrow('not a database');
});
