import { readFile } from 'node:fs/promises';
import { apiPath } from '../../src/api/client.ts';
import type { LoadBalancer, Revision } from '../../src/api/load-balancer.ts';
import { loopbackAddress } from '../../test/support/temporary.ts';
import { type EchoStream, openTcp } from '../support/busy/streams.ts';
import { startEcho } from '../support/echo.ts';
import { createLoadBalancer, endpointOf, proxyPidsOf, useProduct } from '../support/managed.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { createScope, type Scope } from '../support/scope.ts';
import { sum } from '../support/statistics.ts';
import { table } from '../support/table.ts';
import { memoryOf } from '../support/usage.ts';
import { selfSigned } from '../../test/support/certificate.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';

const RELOADS = 100;
const QUICK_RELOADS = 25;
/** A row of the table is written each so many reloads. */
const EVERY = 10;
const QUICK_EVERY = 5;
const NAME = 'bench';

interface Variant {
  title: string;
  /** Whether another stream is opened before each reload, and held. */
  opensMore: boolean;
}

const VARIANTS: Variant[] = [
  { title: 'One stream held', opensMore: false },
  { title: 'Another stream held at each reload', opensMore: true },
];

/** What workers of before a reload cost while streams hold them. */
export async function oldWorkers(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  const reloads = isQuick ? QUICK_RELOADS : RELOADS;
  const every = isQuick ? QUICK_EVERY : EVERY;
  for (const { title, opensMore } of VARIANTS) {
    const own = createScope();
    await scope.use(
      async () => own,
      (inner) => inner.end(),
    );
    const rows = await reloadWithStreams(own, opensMore, reloads, every);
    await own.end();
    print(`### ${title} (${reloads} reloads)\n`);
    print(`${table(COLUMNS, rows)}\n`);
  }
}

const COLUMNS = [
  'reloads',
  'workers',
  'PSS of master and workers, MiB',
  'PSS per old worker, MiB',
  'first stream',
  'streams alive',
  'of opened',
  'cut by receipts',
];

async function reloadWithStreams(
  scope: Scope,
  opensMore: boolean,
  reloads: number,
  every: number,
): Promise<string[][]> {
  const directory = await scope.use(temporaryDirectory, (created) => created.remove());
  const host = loopbackAddress();
  const echo = await scope.use(
    () => startEcho({ host, ...selfSigned(directory.path, 'echo.test') }),
    (started) => started.stop(),
  );
  const product = await useProduct(scope);
  const loadBalancer = await createLoadBalancer(product, NAME, {
    type: 'tcp',
    port: 5000,
    backends: [{ target: `${host}:${echo.ports.tcp}` }],
  });
  const { master } = proxyPidsOf(loadBalancer);
  const at = { ...endpointOf(loadBalancer), source: loopbackAddress() };
  const streams = [await openStream(scope, at)];
  const rows = [[...(await rowOf(0, master, streams)), '0']];
  let cut = 0;
  for (let count = 1; count <= reloads; count++) {
    if (opensMore && count > 1) streams.push(await openStream(scope, at));
    const { revision } = (
      await product.client.request<LoadBalancer>({
        method: 'PATCH',
        path: apiPath`/v1/load-balancers/${NAME}`,
        body: { spec: { retries: 1 + (count % 2) } },
        headers: { prefer: 'wait=30' },
      })
    ).body;
    const { receipts } = (
      await product.client.request<Revision>({
        method: 'GET',
        path: `/v1/load-balancers/${NAME}/revisions/${revision}`,
      })
    ).body;
    const [receipt] = receipts;
    if (receipt?.path !== 'reload') throw new Error(`not a reload: ${JSON.stringify(receipt)}`);
    cut += receipt.connectionsCut;
    if (count % every === 0) rows.push([...(await rowOf(count, master, streams)), String(cut)]);
  }
  return rows;
}

function openStream(scope: Scope, at: { host: string; port: number; source: string }): Promise<EchoStream> {
  return scope.use(
    async () => {
      const stream = await openTcp(at);
      await stream.echo();
      return stream;
    },
    async (stream) => stream.destroy(),
  );
}

async function rowOf(count: number, master: number, streams: readonly EchoStream[]): Promise<string[]> {
  const alive = await Promise.all(
    streams.map((stream) =>
      stream.echo().then(
        () => true,
        () => false,
      ),
    ),
  );
  const children = (await readFile(`/proc/${master}/task/${master}/children`, 'utf8')).trim();
  const workers = children.split(' ').map(Number);
  const pss = async (pids: readonly number[]) =>
    sum(
      (await Promise.all(pids.map((pid) => memoryOf(pid).catch(() => ({ pss: 0 }))))).map((each) => each.pss),
    );
  const old = workers.slice(0, -1);
  return [
    String(count),
    String(workers.length),
    (await pss([master, ...workers])).toFixed(1),
    old.length === 0 ? '-' : ((await pss(old)) / old.length).toFixed(1),
    alive[0] ? 'alive' : '**cut**',
    String(alive.filter(Boolean).length),
    String(streams.length),
  ];
}
