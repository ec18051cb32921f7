import { existsSync } from 'node:fs';
import { type TestContext, afterAll, afterEach, describe, expect, it } from 'vitest';
import { startBackend } from '../../test/support/backends.ts';
import { selfSigned } from '../../test/support/certificate.ts';
import {
  type ProtocolBackend,
  startBlockedMysql,
  startGarbage,
  startGrpc,
  startMysql,
  startPostgres,
  startRedis,
  startSilent,
  startSmtp,
  startTalker,
} from '../../test/support/protocol-backends.ts';
import { type RealPostgres, startRealPostgres } from '../../test/support/real-postgres.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { freePort, loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';
import { findProgram } from '../host/exec.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

async function kept<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  cleanups.push(() => started.stop());
  return started;
}

let created = 0;

function create(): TestService {
  created += 1;
  const id = `lb_${String(created).padStart(26, '0')}`;
  const test = createTestService(directory.path, loopbackAddress(), { id });
  cleanups.push(() => test.service.remove());
  return test;
}

interface Case {
  target: string;
  state: 'up' | 'down';
  /** What the reason holds. */
  reason?: RegExp;
  /** What the agent's own look came to. */
  outcome?: RegExp;
  received?: RegExp;
}

const CADENCE = { interval: '5s', timeout: '1500ms' };
/** Handshakes take their time on a busy machine. */
const PATIENT = { timeout: '4s' };
const well = ({ target }: { target: string }): Case => ({ target, state: 'up' });
const ill = ({ target }: { target: string }, reason: RegExp, outcome?: RegExp, received?: RegExp): Case => ({
  target,
  state: 'down',
  reason,
  ...(outcome ? { outcome } : {}),
  ...(received ? { received } : {}),
});

/** Has the backends checked, and holds every verdict, reason and look against what it should be. */
async function verdicts(
  healthCheck: Record<string, unknown>,
  cases: readonly Case[],
  pool: object = {},
): Promise<TestService> {
  const test = create();
  await test.set({
    type: 'http',
    port: 8080,
    ...pool,
    backends: cases.map(({ target }) => ({ target })),
    healthCheck: { ...CADENCE, ...healthCheck },
  });
  for (const { target, state, reason, outcome, received } of cases) {
    const find = () => test.report().backends.find((backend) => backend.target === target);
    const seen = await waitFor(`${target} ${state}${outcome ? ' and a look at it' : ''}`, () => {
      const found = find();
      // While its next check runs, HAProxy does not say at which step the first one failed; later it does.
      const isTold = !reason || reason.test(found?.reason ?? '');
      return found?.state === state && isTold && (!outcome || found.evidence?.probe) ? found : undefined;
    }).catch((error: unknown) => {
      throw new Error(`not as expected: ${JSON.stringify(find())}`, { cause: error });
    });
    if (outcome) expect(seen.evidence?.probe?.outcome).toMatch(outcome);
    if (received) expect(seen.evidence?.probe?.received).toMatch(received);
    // oxlint-disable-next-line no-control-regex
    expect(JSON.stringify(seen)).not.toMatch(/[\u0000-\u001f\u007f\u202e]/);
  }
  return test;
}

describe('a grpc check', () => {
  it('passes on SERVING alone', async () => {
    const serving = await kept(startGrpc());
    const error = { code: 5, text: 'unknown service' };
    await verdicts({ type: 'grpc', service: 'shop.v1.Cart', host: 'shop.example.com' }, [
      well(serving),
      ill(await kept(startGrpc({ status: 2 })), /^gRPC health service of .* is not SERVING/, /NOT_SERVING/),
      ill(await kept(startGrpc({ error })), /no health status/, /gRPC status 5: unknown service/),
      ill(await kept(startBackend({ name: 'plain' })), /no gRPC/, /no HTTP\/2/, /HTTP\/1\.1 400/),
      ill(await kept(startGarbage()), /unexpected answer|no answer/, /no HTTP\/2/, /\\x1b\[31m/),
      ill(await kept(startSilent()), /no answer from .* within 1500ms/, /no answer in time/),
    ]);
    expect(serving.asked[0]).toContain('shop.example.com/grpc.health.v1.Health/Check');
    expect(serving.asked[0]).toContain('shop.v1.Cart');
  });

  it('goes over TLS where it should', async () => {
    const tls = selfSigned(directory.path, 'grpc');
    await verdicts({ type: 'grpc', tls: true, ...PATIENT }, [
      well(await kept(startGrpc({ tls }))),
      ill(await kept(startGrpc({ tls, status: 2 })), /not SERVING/, /NOT_SERVING/),
      ill(await kept(startGrpc()), /TLS handshake/, /TLS handshake|connection closed/),
    ]);
  });

  it('goes to pools that speak HTTP/2', async () => {
    await verdicts({ type: 'grpc' }, [well(await kept(startGrpc()))], { protocol: 'http2' });
  });
});

describe('a redis check', () => {
  it('passes on +PONG alone', async () => {
    await verdicts({ type: 'redis' }, [
      well(await kept(startRedis())),
      ill(
        await kept(startRedis('-LOADING dataset\r\n')),
        /did not answer PING with \+PONG/,
        /does not begin/,
        /-LOADING dataset\\r\\n/,
      ),
      ill(await kept(startRedis('-NOAUTH Authentication required.\r\n')), /\+PONG/, undefined),
      ill(await kept(startGarbage()), /\+PONG/, /does not begin with/, /\\x1b\[31m\\x00/),
      ill(await kept(startSilent()), /no answer from/, /no answer in time/),
      ill({ target: `127.0.0.1:${await freePort()}` }, /^connection refused at/, /^connection refused$/),
    ]);
  });
});

describe('a postgres check', () => {
  it('passes when the server asks for a password, and says what it says else', async () => {
    const starting = { code: '57P03', text: 'the database system is starting up' };
    const server = await kept(startPostgres());
    await verdicts({ type: 'postgres', user: 'check' }, [
      well(server),
      ill(
        await kept(startPostgres(starting)),
        /FATAL/,
        /PostgreSQL says: the database system is starting up/,
      ),
      ill(await kept(startGarbage()), /unexpected answer/, /no PostgreSQL/),
      ill(await kept(startSilent()), /no answer from/, /no answer in time/),
    ]);
    expect(server.asked[0]).toContain('user\0check\0');
  });

  it('passes with a real server', async (context: TestContext) => {
    const server = await realPostgres(context);
    await verdicts({ type: 'postgres', user: server.user }, [well(server)]);
  });
});

async function realPostgres(context: TestContext): Promise<RealPostgres> {
  if (!existsSync(findProgram('postgres'))) context.skip('PostgreSQL is not installed');
  return kept(startRealPostgres(directory.path));
}

describe('a mysql check', () => {
  it('passes on a greeting', async () => {
    await verdicts({ type: 'mysql' }, [
      well(await kept(startMysql())),
      ill(
        await kept(startBlockedMysql()),
        /answered 1129 \(Host is blocked\)/,
        /MySQL says: 1129 Host is blocked/,
      ),
      ill(await kept(startSmtp()), /no answer|unexpected/, /no MySQL/),
    ]);
  });

  it('passes on a login', async () => {
    const denied = { code: 1045, text: '#28000Access denied' };
    const server = await kept(startMysql());
    await verdicts({ type: 'mysql', user: 'check' }, [
      well(server),
      ill(
        await kept(startMysql(denied)),
        /answered 1045 \(#28000Access denied\)/,
        /1045 #28000Access denied/,
      ),
    ]);
    expect(server.asked[0]).toContain('check\0');
  });
});

describe('an smtp check', () => {
  it('passes on a greeting and an answer to EHLO', async () => {
    const server = await kept(startSmtp());
    await verdicts({ type: 'smtp', host: 'lb.example.com' }, [
      well(server),
      ill(await kept(startSmtp('554 no service\r\n')), /answered 554 \(no service\)/, /greeting is 554/),
      ill(await kept(startGarbage()), /unexpected|no answer/, /no SMTP/),
    ]);
    expect(server.asked[0]).toBe('EHLO lb.example.com\r\n');
  });
});

describe('a tcp check over TLS', () => {
  it('passes on a handshake', async () => {
    const tls = selfSigned(directory.path, 'tcp');
    await verdicts({ type: 'tcp', tls: true }, [
      well(await kept(startGrpc({ tls }))),
      ill(await kept(startGarbage()), /TLS handshake/, /TLS handshake failed/),
      ill(await kept(startSilent()), /no TLS handshake/, /no TLS handshake in time/),
    ]);
  });
});

describe('a check of steps', () => {
  const echo = () => kept(startTalker((asked) => `you said ${asked}`, 'hello\r\n'));

  it('passes when every step does, and names the one that does not', async () => {
    const steps = [
      { expect: 'hello\r\n' },
      { send: `it's "$HOME" %[src] #1\r\n` },
      { expect: `it's "$HOME" %[src] #1\r\n` },
      { sendHex: '0001ff' },
      { expectRegex: '^you said .{1,4}$' },
    ];
    const server = await echo();
    await verdicts({ type: 'custom', steps }, [
      well(server),
      ill(
        await kept(startTalker(() => 'nothing', 'hello\r\n')),
        /at step 3/,
        /not as expected in time/,
        /hello\\r\\nnothing/,
      ),
      ill(await kept(startSilent()), /no answer from .* at step 1/, /no answer in time/),
    ]);
    expect(server.asked.slice(0, 2)).toEqual([`it's "$HOME" %[src] #1\r\n`, '\u0000\u0001\u00ff']);
  });

  it('looks only at what was answered since the last send', async () => {
    const steps = [{ expect: 'hello' }, { send: 'x' }, { expect: 'hello' }];
    await verdicts({ type: 'custom', steps }, [ill(await echo(), /at step 3/)]);
  });

  it('may connect to several ports, with TLS or without', async () => {
    const [redis, secure] = [
      await kept(startRedis()),
      await kept(startGrpc({ tls: selfSigned(directory.path, 'steps') })),
    ];
    const server = await echo();
    const connected = (port: number) => ({
      type: 'custom',
      ...PATIENT,
      steps: [
        { expect: 'hello' },
        { connect: { port: secure.port, tls: true } },
        { connect: { port } },
        { send: 'PING\r\n' },
        { expect: '+PONG' },
      ],
    });
    await verdicts(connected(redis.port), [well(server)]);
    await verdicts(connected(await freePort()), [ill(server, /connection refused/, /connection refused/)]);
  });

  it('is not held up by a search that does not end', async () => {
    const long: ProtocolBackend = await kept(startTalker(() => undefined, 'a'.repeat(16_000)));
    const test = await verdicts({ type: 'custom', steps: [{ expectRegex: '(a+)+[a-z]{1,30}a{1,30}[xy]' }] }, [
      ill(long, /no answer|not as expected|unexpected/),
    ]);
    const before = test.report().haproxy?.workerPid;
    await waitFor('another look', () => (test.report().backends[0]?.evidence?.probe ? true : undefined));
    expect(test.report().haproxy?.workerPid).toBe(before);
  });
});

describe('an http check', () => {
  it('sends headers of its own, and shows what was answered', async () => {
    const [good, bad] = [
      await kept(startBackend({ name: 'good' })),
      await kept(startBackend({ name: 'bad' })),
    ];
    bad.health = { status: 500, body: 'disk full \u001b[2J' };
    await verdicts({ path: '/ready', headers: { 'X-Check': `50% 'sure' #1` } }, [
      well(good),
      ill(
        bad,
        /^status 500 \(Internal Server Error\) from .*, expected 200-399/,
        /^status 500, expected/,
        /disk full \\x1b\[2J/,
      ),
    ]);
    expect(good.checks[0]).toMatchObject({ path: '/ready', headers: { 'x-check': `50% 'sure' #1` } });
  });
});
