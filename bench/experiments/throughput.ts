import { freePort, loopbackAddress } from '../../test/support/temporary.ts';
import { type Address, startOrigin, startPlainProxy } from '../support/haproxy.ts';
import { HEALTH_CHECK, createLoadBalancer, endpointOf, proxyPidsOf, useProduct } from '../support/managed.ts';
import type { Scope } from '../support/scope.ts';
import { median, sum } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';
import { cpuMicroseconds, threadCount } from '../support/usage.ts';
import { requireWrk, runWrk } from '../support/wrk.ts';

const ROUNDS = 7;
const CONNECTIONS = 64;
const AIM = 0.97;

/** One of the proxies that are held against each other. */
interface Contestant {
  name: string;
  url: string;
  pid: number;
  rounds: Round[];
}

interface Round {
  perSecond: number;
  p99: number;
  /** Microseconds of CPU that the proxy spent on a request. */
  cpu: number;
  failed: number;
}

interface Mode {
  title: string;
  isConnectionPerRequest: boolean;
  seconds: number;
}

const MODES: Mode[] = [
  { title: 'Keep-alive', isConnectionPerRequest: false, seconds: 5 },
  { title: 'A connection for each request', isConnectionPerRequest: true, seconds: 2 },
];

/** Requests per second through a managed load balancer and through HAProxy configured by hand. */
export async function throughput(scope: Scope, print: (text: string) => void): Promise<void> {
  await requireWrk();
  const contestants = await startContestants(scope);
  await requireSameThreads(contestants);
  for (const mode of MODES) {
    for (const contestant of contestants) contestant.rounds = [];
    // One round that is not counted: connections to the servers are made, caches are warm.
    for (const contestant of contestants) await runRound(contestant, { ...mode, seconds: 1 });
    for (let round = 0; round < ROUNDS; round++) {
      for (const contestant of rotated(contestants, round))
        contestant.rounds.push(await runRound(contestant, mode));
    }
    print(report(mode, contestants));
  }
}

async function startContestants(scope: Scope): Promise<Contestant[]> {
  const { targets } = await scope.use(
    () => startOrigin(2),
    (origin) => origin.stop(),
  );
  const product = await useProduct(scope);
  const spec = {
    type: 'http' as const,
    backends: targets.map((target) => ({ target })),
    healthCheck: HEALTH_CHECK,
  };
  const managed = await createLoadBalancer(product, 'bench', spec);
  return [
    { name: 'managed', url: endpointOf(managed).url, pid: proxyPidsOf(managed).worker, rounds: [] },
    await startByHand(scope, 'by hand, same headers', targets, [...CLIENT_HEADERS, ...MORE_HEADERS]),
    await startByHand(scope, 'by hand, For and Proto', targets, CLIENT_HEADERS),
    await startByHand(scope, 'by hand, no headers', targets, []),
  ];
}

/** What most people who write it by hand have it tell backends of the client. */
const CLIENT_HEADERS = [
  'option forwardfor',
  'http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]',
];
/** What a managed load balancer tells besides. */
const MORE_HEADERS = [
  'http-request set-header X-Forwarded-Port %[dst_port]',
  'http-request set-header X-Request-ID %[uuid] unless { req.hdr(X-Request-ID) -m found }',
];

async function startByHand(
  scope: Scope,
  name: string,
  targets: readonly string[],
  frontend: readonly string[],
): Promise<Contestant> {
  const host = loopbackAddress();
  const address = { host, port: await freePort(host) };
  const config = handWritten(address, targets, frontend);
  const { pid } = await scope.use(
    () => startPlainProxy(config, address),
    (proxy) => proxy.stop(),
  );
  return { name, url: `http://${address.host}:${address.port}/`, pid, rounds: [] };
}

/** The least that people write. */
function handWritten(
  { host, port }: Address,
  targets: readonly string[],
  frontend: readonly string[],
): string {
  return `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend http
  bind ${host}:${port}
${frontend.map((line) => `  ${line}\n`).join('')}  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET ${HEALTH_CHECK.path}
${targets.map((target, index) => `  server s${index} ${target} check inter ${HEALTH_CHECK.interval}\n`).join('')}`;
}

async function requireSameThreads(contestants: readonly Contestant[]): Promise<void> {
  const counts = await Promise.all(contestants.map(({ pid }) => threadCount(pid)));
  if (new Set(counts).size > 1)
    throw new Error(`the proxies run on different numbers of threads: ${counts.join(', ')}`);
}

async function runRound({ url, pid }: Contestant, { isConnectionPerRequest, seconds }: Mode): Promise<Round> {
  const before = await cpuMicroseconds(pid);
  const result = await runWrk({ url, seconds, connections: CONNECTIONS, isConnectionPerRequest });
  const cpu = ((await cpuMicroseconds(pid)) - before) / result.requests;
  return { perSecond: result.perSecond, p99: result.p99, cpu, failed: result.failed };
}

function report({ title, seconds }: Mode, contestants: readonly Contestant[]): string {
  const rows = contestants.map((contestant) => {
    const { name, rounds } = contestant;
    return [
      name,
      median(rounds.map((round) => round.perSecond)).toFixed(0),
      ms(median(rounds.map((round) => round.p99))),
      median(rounds.map((round) => round.cpu)).toFixed(1),
      ratioToManaged(contestants, contestant).toFixed(3),
      String(sum(rounds.map((round) => round.failed))),
    ];
  });
  const aims = contestants
    .slice(1, 3)
    .map((other) => ({ name: other.name, ratio: ratioToManaged(contestants, other) }))
    .map(({ name, ratio }) => verdict(ratio >= AIM, `managed ≥ ${AIM} of ${name} (${ratio.toFixed(3)})`));
  return [
    `### ${title} (${CONNECTIONS} connections, ${ROUNDS} rounds of ${seconds} s in turn, medians)\n`,
    table(['', 'requests/s', 'p99 ms', 'proxy CPU µs/request', 'managed is × as fast', 'failed'], rows),
    `\n${aims.join('\n\n')}\n`,
  ].join('\n');
}

/** Nobody is always the first of a round, or always behind the same other one. */
function rotated<T>(list: readonly T[], by: number): T[] {
  return list.map((_, index) => list[(index + by) % list.length] as T);
}

/** The median of each round's own ratio: what disturbs the machine for a while disturbs both sides of it. */
function ratioToManaged([managed]: readonly Contestant[], other: Contestant): number {
  return median(
    other.rounds.map(({ perSecond }, index) => (managed?.rounds[index]?.perSecond ?? Number.NaN) / perSecond),
  );
}
