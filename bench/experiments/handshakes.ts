import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { servicePaths } from '../../src/haproxy/config/paths.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { type HandshakeOptions, shakeHands } from '../support/handshakes.ts';
import { startOrigin, startPlainProxy } from '../support/haproxy.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { startRendered } from '../support/rendered.ts';
import type { Scope } from '../support/scope.ts';
import { median, sum } from '../support/statistics.ts';
import { table, verdict } from '../support/table.ts';
import { cpuMicroseconds } from '../support/usage.ts';

const ROUNDS = 7;
const SECONDS = 4;
const CLIENTS = 3;
const AIM = 0.9;

const KINDS: Record<string, Pick<HandshakeOptions, 'version' | 'isResumed'>> = {
  'TLS 1.3, full': { version: '1.3', isResumed: false },
  'TLS 1.2, full': { version: '1.2', isResumed: false },
  'TLS 1.3, resumed, with a request': { version: '1.3', isResumed: true },
  'TLS 1.2, resumed, with a request': { version: '1.2', isResumed: true },
};

interface Server {
  at: string;
  pids(): Promise<number[]>;
}

interface Round {
  perSecond: number;
  /** Microseconds of CPU of the server, for each. */
  cpu: number;
}

/** Handshakes of the product's configuration, next to one of HAProxy that was written by hand, with the same certificate. */
export async function handshakes(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  const size = isQuick ? { rounds: 2, seconds: 1 } : { rounds: ROUNDS, seconds: SECONDS };
  const { targets } = await scope.use(
    () => startOrigin(1),
    (origin) => origin.stop(),
  );
  const target = targets[0] ?? '';
  const spec = { type: 'http', backends: [{ target }], healthCheck: { path: '/health' } };
  const rendered = await scope.use(
    () => startRendered(spec),
    (proxy) => proxy.stop(),
  );
  const { certificates } = servicePaths(rendered.model.id, rendered.model.layout);
  const managed = { at: `${rendered.model.address}:443`, pids: rendered.pids };
  const byHand = await startByHand(scope, target, join(certificates, 'default.pem'));
  const rows: string[][] = [];
  let worst = Number.POSITIVE_INFINITY;
  for (const [name, kind] of Object.entries(KINDS)) {
    const rounds = await compare([byHand, managed], { ...kind, clients: CLIENTS }, size);
    const of = (index: 0 | 1, read: (round: Round) => number) =>
      median(rounds.map((pair) => read(pair[index])));
    const ratio = median(rounds.map(([hand, own]) => own.perSecond / hand.perSecond));
    worst = Math.min(worst, ratio);
    rows.push([
      name,
      of(0, ({ perSecond }) => perSecond).toFixed(0),
      of(1, ({ perSecond }) => perSecond).toFixed(0),
      ratio.toFixed(2),
      of(0, ({ cpu }) => cpu).toFixed(0),
      of(1, ({ cpu }) => cpu).toFixed(0),
      median(rounds.map(([hand, own]) => own.cpu / hand.cpu)).toFixed(2),
    ]);
  }
  const title = `### Handshakes (${CLIENTS} clients, ${size.rounds} rounds of ${size.seconds} s in turn, medians)`;
  const columns = [
    '',
    'by hand, 1/s',
    'managed, 1/s',
    'ratio',
    'by hand, CPU µs',
    'managed, CPU µs',
    'ratio',
  ];
  print(`${title}\n\n${table(columns, rows)}\n`);
  print(`${verdict(worst >= AIM, `each kind ≥ ${AIM} of by hand (worst ${worst.toFixed(2)})`)}\n`);
}

/** What Mozilla's generator gives for HAProxy 2.6, with the certificate of the other. */
async function startByHand(scope: Scope, target: string, certificate: string): Promise<Server> {
  const directory = await scope.use(temporaryDirectory, (created) => created.remove());
  const pem = join(directory.path, 'app.pem');
  await copyFile(certificate, pem);
  const host = loopbackAddress();
  const config = `
global
  ssl-default-bind-curves X25519:prime256v1:secp384r1
  ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
  ssl-default-bind-options prefer-client-ciphers ssl-min-ver TLSv1.2 no-tls-tickets
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend https
  bind ${host}:443 ssl crt ${pem} alpn h2,http/1.1
  default_backend origin
backend origin
  server origin ${target}
`;
  const program = await scope.use(
    () => startPlainProxy(config, { host, port: 443 }),
    (started) => started.stop(),
  );
  return { at: `${host}:443`, pids: program.pids };
}

/** Both take turns, the first of a round by turns as well. */
async function compare(
  servers: readonly [Server, Server],
  kind: Omit<HandshakeOptions, 'at' | 'seconds'>,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<[Round, Round][]> {
  const [byHand, managed] = servers;
  for (const server of servers) await measure(server, { ...kind, seconds: 1 });
  const results: [Round, Round][] = [];
  for (let round = 0; round < rounds; round++) {
    const options = { ...kind, seconds };
    if (round % 2 === 0) results.push([await measure(byHand, options), await measure(managed, options)]);
    else {
      const own = await measure(managed, options);
      results.push([await measure(byHand, options), own]);
    }
  }
  return results;
}

async function measure({ at, pids }: Server, options: Omit<HandshakeOptions, 'at'>): Promise<Round> {
  const used = async () => sum(await Promise.all((await pids()).map(cpuMicroseconds)));
  const before = await used();
  const { count, perSecond } = await shakeHands({ at, ...options });
  return { perSecond, cpu: ((await used()) - before) / count };
}
