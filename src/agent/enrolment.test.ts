import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inject } from '../../test/support/control-plane.ts';
import { type Fleet, startFleet } from '../../test/support/fleet.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { systemClock } from '../base/clock.ts';
import { createAgentListener } from '../server/agent-listener/listener.ts';
import { type EnrolmentOptions, enrol } from './enrolment.ts';

const curl = promisify(execFile);

let fleet: Fleet;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let options: EnrolmentOptions;
let belongsTo: string[];
beforeEach(async () => {
  directory = await temporaryDirectory();
  fleet = await startFleet();
  await fleet.plane.server.listen();
  belongsTo = [];
  const at = (name: string) => join(directory.path, name);
  await writeFile(at('control-plane.pem'), fleet.listener.certificate);
  options = {
    url: fleet.listener.url(),
    enrolFile: at('enrol-token'),
    tokenFile: at('token'),
    caFile: at('control-plane.pem'),
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    onEnrolled: async (id) => void belongsTo.push(id),
  };
});
afterEach(async () => {
  await fleet.stop();
  await directory.remove();
});

const never = new AbortController().signal;
/** Has a line made for a machine and puts its token where the agent looks. */
async function giveToken(name = 'lb-1', retry = false): Promise<string> {
  const path = retry ? `/v1/machines/${name}/retry` : '/v1/machines';
  const body = retry ? {} : { driver: 'manual', name };
  const answer = await fleet.call('POST', path, { body });
  const token = /ame_[\w-]+/.exec(answer.body.enrolment.command)?.[0] ?? '';
  await writeFile(options.enrolFile, `${token}\n`);
  return token;
}
const credential = async () => (await readFile(options.tokenFile, 'utf8')).trim();
const isKnown = async () =>
  (await fleet.call('GET', '/v1/agent/desired', { key: await credential() })).status === 200;

test('an agent gets its credential once, over TLS with the certificate that it was given', async () => {
  expect(options.url).toMatch(/^https:/);
  await giveToken();
  await enrol(options, never);
  expect(await isKnown()).toBe(true);
  expect((await stat(options.tokenFile)).mode & 0o777).toBe(0o600);
  expect(existsSync(options.enrolFile)).toBe(false);
  expect(existsSync(`${options.tokenFile}.new`)).toBe(false);
  expect(belongsTo).toHaveLength(1);
  const before = await credential();
  await enrol(options, never);
  expect(await credential()).toBe(before);
});

test('a control plane with another certificate is not spoken to', async () => {
  const token = await giveToken();
  const other = await createAgentListener({ listen: '127.0.0.1:0', dataDir: join(directory.path, 'other') });
  await writeFile(options.caFile ?? '', other.certificate);
  const over = new AbortController();
  const sleep = async () => over.abort();
  await enrol({ ...options, clock: { ...systemClock, sleep } }, over.signal);
  expect(existsSync(options.tokenFile)).toBe(false);
  expect(await readFile(options.enrolFile, 'utf8')).toBe(`${token}\n`);
});

test('a crash at any point is mended by asking again', async () => {
  await giveToken();
  const kept = join(directory.path, 'kept');
  const onEnrolled = async () => {
    await copyFile(options.enrolFile, `${kept}-token`);
    await copyFile(`${options.tokenFile}.new`, `${kept}-credential`);
  };
  await enrol({ ...options, onEnrolled }, never);
  const before = await credential();
  await copyFile(`${kept}-token`, options.enrolFile);
  await copyFile(`${kept}-credential`, `${options.tokenFile}.new`);
  await enrol(options, never);
  expect(await credential()).toBe(before);
  expect(await isKnown()).toBe(true);
  expect(existsSync(options.enrolFile)).toBe(false);
});

test('an answer that is lost, and a control plane that is away, are asked again', async () => {
  await giveToken();
  let calls = 0;
  const front = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += String(chunk)));
    request.on('end', async () => {
      calls += 1;
      if (calls === 1) return request.socket.destroy();
      const { app } = fleet.plane;
      const answer = await inject(app, 'POST', request.url ?? '', { key: null, raw: text });
      // The control plane has taken the credential in, and the agent does not hear of it.
      if (calls === 2) return request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  await enrol({ ...options, url: `http://127.0.0.1:${port}`, clock }, never);
  front.close();
  expect(calls).toBe(3);
  expect(await isKnown()).toBe(true);
});

test('a token that is refused ends an agent without a credential, and no other', async () => {
  const old = await giveToken();
  await giveToken('lb-1', true);
  await writeFile(options.enrolFile, old);
  await expect(enrol(options, never)).rejects.toMatchObject({
    code: 'enrolment_refused',
    hint: expect.stringContaining('agentmetal machine retry'),
  });
  await giveToken('lb-1', true);
  await enrol(options, never);
  const before = await credential();
  await writeFile(options.enrolFile, old);
  await enrol(options, never);
  expect(await credential()).toBe(before);
  expect(existsSync(options.enrolFile)).toBe(false);
});

test('without a token and a credential there is nothing to begin with', async () => {
  await expect(enrol(options, never)).rejects.toThrow('neither a token');
});

test('where machines call nothing but their own is answered, and its key is the one that is pinned', async () => {
  const token = await giveToken();
  const { url, pin } = fleet.listener;
  const options = ['-sk', '--pinnedpubkey', pin, '-o', '/dev/null', '-w', '%{http_code}'];
  const status = async (path: string, key: string) => {
    const header = ['-H', `Authorization: Bearer ${key}`];
    return (await curl('curl', [...options, ...header, `${url()}${path}`])).stdout;
  };
  expect(await status('/v1/agent/install', token)).toBe('200');
  expect(await status('/v1/agent/bundle', token)).toBe('200');
  for (const path of ['/', '/healthz', '/metrics', '/v1/machines', '/v1/load-balancers', '/openapi.json'])
    expect(await status(path, fleet.plane.key)).toBe('404');
  const foreign = `sha256//${Buffer.alloc(32).toString('base64')}`;
  await expect(curl('curl', ['-sk', '--pinnedpubkey', foreign, url()])).rejects.toMatchObject({ code: 90 });
});

test('the certificate stays over restarts, and its key is its owner’s alone', async () => {
  const dataDir = join(directory.path, 'again');
  const [first, second] = [
    await createAgentListener({ listen: ':0', url: 'https://lb.example.com:8443', dataDir }),
    await createAgentListener({ listen: ':0', dataDir }),
  ];
  expect(second.certificate).toBe(first.certificate);
  expect(first.url()).toBe('https://lb.example.com:8443');
  const file = join(dataDir, 'agent-tls', 'certificate-and-key.pem');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await writeFile(file, 'nonsense');
  await expect(createAgentListener({ listen: ':0', dataDir })).rejects.toThrow('cannot be read');
  for (const url of ['http://lb.example.com', 'lb.example.com', 'https://lb.example.com/path'])
    await expect(createAgentListener({ listen: ':0', url, dataDir })).rejects.toThrow('cannot be used');
});
