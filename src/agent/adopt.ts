import { CA_BACKEND, servedPool } from '../haproxy/config/names.ts';
import { listeners } from '../haproxy/config/frontend.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { localPeerLineIn } from '../haproxy/config/peers.ts';
import { lookupChanges, lookupsOf } from '../haproxy/config/lookups.ts';
import { type Server, allServers, serverKey, socketAddress } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { askWorker, findMaster, masterInfo } from '../haproxy/process/master.ts';
import { NO_LIMIT, parseLookup, showLookup } from '../haproxy/runtime/commands.ts';
import { readTextIfExists } from '../host/files.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import { SHOW_SERVER_STATS, type ServerStat, readServerStats } from '../haproxy/runtime/stat.ts';
import { parseTarget } from '../spec/target.ts';
import { observedCertificates } from './serving/deploy.ts';
import type { Live, LiveLookups } from './converge.ts';

/**
 * Finds the HAProxy that runs already, whoever started it, and reads from HAProxy itself what it does. So an agent
 * that comes back, or one that has lost track, goes on from what is.
 */
export async function findLive(model: ServiceModel): Promise<Live | undefined> {
  const paths = servicePaths(model.id, model.layout);
  const masterPid = await findMaster(paths);
  if (masterPid === undefined) return undefined;
  const worker = await askWorker(paths).catch(() => undefined);
  if (!worker) return undefined;
  const { oldWorkerPids = [] } = (await masterInfo(paths)) ?? {};
  return {
    proxy: { masterPid, worker, oldWorkerPids },
    // A configuration that is not ours has no hash, and differs from every one that has.
    frameHash: worker.frameHash ?? '',
    servers: await observedServers(model),
    lookups: await observedLookups(model),
    certificates: await observedCertificates(model),
    localPeer: localPeerLineIn((await readTextIfExists(paths.lastGood)) ?? ''),
    listeners: listeners(model.spec, model.layout),
    address: model.address,
    isWritten: true,
  };
}

/**
 * The servers that HAProxy has, as it tells them; those of the admission sections and of no pool are not counted.
 * @param live those that this agent knows it to have.
 */
export async function observedServers(model: ServiceModel, live: readonly Server[] = []): Promise<Server[]> {
  const paths = servicePaths(model.id, model.layout);
  const stats = await readServerStats(
    await withRuntime(paths.workerSocket, (runtime) => runtime.send(SHOW_SERVER_STATS)),
  );
  const known = new Map(allServers(model).map((server) => [serverKey(server), server]));
  const written = keywordsIn((await readTextIfExists(paths.config)) ?? '');
  // What this agent has added since the configuration was last written.
  for (const server of live) written.set(serverKey(server), server.keywords);
  return stats
    .filter((stat) => servedPool(stat.pool) === undefined && stat.pool !== CA_BACKEND)
    .map((stat) => toServer(stat, known.get(serverKey(stat)), written));
}

function toServer(stat: ServerStat, known: Server | undefined, written: ReadonlyMap<string, string>): Server {
  const at = parseTarget(stat.address);
  return {
    key: serverKey({ pool: stat.pool, name: stat.name }),
    pool: stat.pool,
    name: stat.name,
    target: known?.target ?? stat.name,
    address: at?.host,
    port: at?.port ?? known?.port ?? 0,
    weight: stat.weight,
    maxConnections: stat.maxConnections === NO_LIMIT ? 0 : stat.maxConnections,
    backup: stat.backup,
    id: known?.id === undefined ? undefined : stat.id,
    isChecked: known?.isChecked ?? true,
    keywords: written.get(serverKey(stat)) ?? '',
  };
}

const SECTION = /^backend (\S+)$/;
const SERVER =
  /^ {2}server (?<name>\S+) \S+ weight \d+(?: maxconn \d+)?(?: backup)?(?: id \d+)?(?: (?<keywords>.+))?$/;

/** How each server is spoken to, which HAProxy does not tell: read from the configuration that was last written. */
function keywordsIn(config: string): Map<string, string> {
  const found = new Map<string, string>();
  let pool = '';
  for (const line of config.split('\n')) {
    pool = SECTION.exec(line)?.[1] ?? pool;
    const server = SERVER.exec(line)?.groups;
    if (server) found.set(serverKey({ pool, name: server['name'] ?? '' }), server['keywords'] ?? '');
  }
  return found;
}

/** What the maps and lists hold, as HAProxy tells it. One that it has not is empty: its frame is another one. */
export async function observedLookups(model: ServiceModel): Promise<LiveLookups> {
  const { workerSocket } = servicePaths(model.id, model.layout);
  const lookups = lookupsOf(model);
  return withRuntime(workerSocket, async (runtime) => {
    const answers = await Promise.all(lookups.map((lookup) => runtime.send(showLookup(lookup))));
    return new Map(lookups.map(({ path }, index) => [path, parseLookup(answers[index] ?? '')]));
  });
}

/**
 * Whether HAProxy has the servers that it should have and no others, by what it told last. It does not tell how they are
 * spoken to.
 */
export function hasServers(
  stats: ReadonlyMap<string, ServerStat>,
  wanted: readonly Server[],
  isLeaving: (key: string) => boolean,
): boolean {
  let others = stats.size - wanted.length;
  for (const server of wanted) {
    const stat = stats.get(server.key);
    if (!stat || !isAsWanted(stat, server)) return false;
  }
  for (const key of stats.keys()) {
    if (others === 0) break;
    if (isLeaving(key) || key.startsWith(`${CA_BACKEND}/`)) others -= 1;
  }
  return others === 0;
}

function isAsWanted(stat: ServerStat, server: Server): boolean {
  const { maxConnections } = server;
  return (
    stat.address === socketAddress(server) &&
    stat.weight === server.weight &&
    stat.backup === server.backup &&
    (stat.maxConnections === maxConnections || (maxConnections === 0 && stat.maxConnections === NO_LIMIT)) &&
    (server.id === undefined || server.id === stat.id)
  );
}

/** Whether the maps and lists hold what they should. */
export function isSameLookups(model: ServiceModel, wanted: LiveLookups, observed: LiveLookups): boolean {
  return lookupsOf(model).every((lookup) => {
    const entries = wanted.get(lookup.path) ?? lookup.entries;
    return lookupChanges(observed.get(lookup.path) ?? new Map(), { ...lookup, entries }).length === 0;
  });
}
