import { table } from '../support/table.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { RACES, type RaceCounts, startRacers } from '../support/race/racers.ts';
import { startNginx } from '../support/nginx.ts';
import { startRendered } from '../support/rendered.ts';
import type { Scope } from '../support/scope.ts';
import { sleep } from '../support/clock.ts';
import { startNodeOrigin } from '../support/race/node-origin.ts';
import { requirePrograms } from '../support/wrk.ts';
import { freePort, loopbackAddress } from '../../test/support/temporary.ts';

const SECONDS = 40;
const QUICK_SECONDS = 8;
/** Races at a time: half of them of clients that keep their connection, half of clients that open one each time. */
const LANES = 32;

/** A backend that closes connections which have been idle for a while. */
interface Backend {
  name: string;
  /** The same backend at several ports: each is a race of its own. */
  targets: string[];
  /** After so long it closes an idle connection. */
  idleMs: number;
}

/** How the proxy uses connections to backends again. */
interface Variant {
  name: string;
  vary(config: string): string;
}

/**
 * Whether requests are lost when the proxy sends them over connections that the backend is just closing. Clients open a
 * connection for each request and come again just when their backend's patience ends.
 */
export async function reuseRace(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  await requirePrograms({ nginx: 'nginx' });
  const seconds = isQuick ? QUICK_SECONDS : SECONDS;
  const backends = await startBackends(scope);
  const rows: string[][] = [];
  for (const backend of backends) {
    const races = await Promise.all(VARIANTS.map((variant) => startRace(scope, backend, variant)));
    // All variants at once: what disturbs the machine disturbs all of them.
    await sleep(seconds * 1000);
    for (const { variant, counts, stop } of races) {
      rows.push([`${backend.name}: ${variant.name}`, ...cells(await counts())]);
      await stop();
    }
  }
  print(`### Clients that come again when the backend closes (${seconds} s each)\n`);
  print(`${table(['', ...RACES.flatMap((race) => [`${race}: ok`, 'failed']), 'faults'], rows)}\n`);
}

const VARIANTS: Variant[] = [
  { name: 'as it is', vary: (config) => config },
  { name: 'safe', vary: reuse('safe') },
  { name: 'aggressive', vary: reuse('aggressive') },
  { name: 'always', vary: reuse('always') },
];

/** HAProxy's own ways, without connections of their own for requests that may not be repeated. */
function reuse(how: string): (config: string) => string {
  return (config) =>
    config
      .replaceAll(/^ {2}http-reuse always$/gm, `  http-reuse ${how}`)
      .replaceAll(/^ {2}http-request .*txn\.fresh.*\n/gm, '');
}

async function startBackends(scope: Scope): Promise<Backend[]> {
  const nodes = [];
  for (const idleMs of [1000, 5000]) {
    const { targets } = await scope.use(
      () => startNodeOrigin(idleMs, LANES),
      (origin) => origin.stop(),
    );
    nodes.push({ name: `Node, keepAliveTimeout ${idleMs / 1000} s`, targets, idleMs });
  }
  const host = loopbackAddress();
  const ports = await Promise.all(Array.from({ length: LANES }, () => freePort(host)));
  const listens = ports.map((port) => `listen ${host}:${port};`).join(' ');
  await scope.use(
    () =>
      startNginx(
        `http { access_log off; keepalive_timeout 1s; server { ${listens} location / { return 200 ok; } } }`,
        { host, port: ports[0] ?? 0 },
      ),
    (started) => started.stop(),
  );
  return [
    ...nodes,
    { name: 'nginx, keepalive_timeout 1s', targets: ports.map((port) => `${host}:${port}`), idleMs: 1000 },
  ];
}

async function startRace(
  scope: Scope,
  backend: Backend,
  variant: Variant,
): Promise<{ variant: Variant; counts(): Promise<RaceCounts>; stop(): Promise<void> }> {
  // Checks are rare and over connections of their own: they keep none of the others open.
  const pools = backend.targets.map((target, lane): [string, object] => [
    `lane-${lane}`,
    { backends: [{ target }], healthCheck: { interval: '1m' } },
  ]);
  const routes = pools.map(([pool]) => ({ match: { host: `${pool}.test` }, pool }));
  const spec = { type: 'http', pools: Object.fromEntries(pools), routes };
  const proxy = await scope.use(
    () => startRendered(spec, variant.vary),
    (started) => started.stop(),
  );
  const racers = await scope.use(
    () =>
      startRacers({
        host: proxy.model.address,
        port: proxy.model.spec.port,
        idleMs: backend.idleMs,
        lanes: LANES,
      }),
    (started) => started.stop(),
  );
  return {
    variant,
    counts: () => racers.counts(),
    async stop() {
      await racers.stop();
      await proxy.stop();
    },
  };
}

function cells(counts: RaceCounts): string[] {
  const tallies = RACES.map((race) => counts[race]);
  const faults = RACES.flatMap((race) =>
    Object.entries(counts[race].faults).map(([fault, count]) => `${race}: ${fault} (${count})`),
  );
  return [...tallies.flatMap(({ ok, failed }) => [String(ok), String(failed)]), faults.join(', ') || '-'];
}
