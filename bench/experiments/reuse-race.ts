import { table } from '../support/table.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { type RaceCounts, startRacers } from '../support/race/racers.ts';
import { startNginx } from '../support/nginx.ts';
import { startRendered } from '../support/rendered.ts';
import type { Scope } from '../support/scope.ts';
import { sleep } from '../support/clock.ts';
import { startNodeOrigin } from '../support/race/node-origin.ts';
import { requirePrograms } from '../support/wrk.ts';
import { freePort, loopbackAddress } from '../../test/support/temporary.ts';

const SECONDS = 40;
const QUICK_SECONDS = 8;

/** A backend that closes connections which have been idle for a while. */
interface Backend {
  name: string;
  target: string;
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
  print(`### Connection-per-request clients that come when the backend closes (${seconds} s each)\n`);
  print(`${table(['', 'GET ok', 'failed', 'POST ok', 'failed', 'faults'], rows)}\n`);
}

const VARIANTS: Variant[] = [
  { name: 'safe (as it is)', vary: (config) => config },
  ...['aggressive', 'always'].map((how) => ({ name: how, vary: reuse(how) })),
  ...['1s', '2s'].map((delay) => ({
    name: `always, pool-purge-delay ${delay}`,
    vary: reuse('always', `pool-purge-delay ${delay}`),
  })),
];

function reuse(how: string, ...keywords: string[]): (config: string) => string {
  return (config) =>
    config
      .replace(/^ {2}option idle-close-on-response$/m, `$&\n  http-reuse ${how}`)
      .replaceAll(/^ {2}default-server .*$/gm, (line) => [line, ...keywords].join(' '));
}

async function startBackends(scope: Scope): Promise<Backend[]> {
  const nodes = [];
  for (const idleMs of [1000, 5000]) {
    const { target } = await scope.use(
      () => startNodeOrigin(idleMs),
      (origin) => origin.stop(),
    );
    nodes.push({ name: `Node, keepAliveTimeout ${idleMs / 1000} s`, target, idleMs });
  }
  const at = { host: loopbackAddress(), port: 0 };
  at.port = await freePort(at.host);
  await scope.use(
    () =>
      startNginx(
        `http { access_log off; keepalive_timeout 1s; server { listen ${at.host}:${at.port}; location / { return 200 ok; } } }`,
        at,
      ),
    (started) => started.stop(),
  );
  return [...nodes, { name: 'nginx, keepalive_timeout 1s', target: `${at.host}:${at.port}`, idleMs: 1000 }];
}

async function startRace(
  scope: Scope,
  backend: Backend,
  variant: Variant,
): Promise<{ variant: Variant; counts(): Promise<RaceCounts>; stop(): Promise<void> }> {
  // Checks are rare and over connections of their own: they keep none of the others open.
  const spec = { type: 'http', backends: [{ target: backend.target }], healthCheck: { interval: '10s' } };
  const proxy = await scope.use(
    () => startRendered(spec, variant.vary),
    (started) => started.stop(),
  );
  const racers = await scope.use(
    () => startRacers({ host: proxy.model.address, port: proxy.model.spec.port, idleMs: backend.idleMs }),
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

function cells({ GET, POST }: RaceCounts): string[] {
  const faults = [GET, POST].flatMap((tally) => Object.entries(tally.faults));
  return [
    ...[GET.ok, GET.failed, POST.ok, POST.failed].map(String),
    faults.map(([fault, count]) => `${fault} (${count})`).join(', ') || '-',
  ];
}
