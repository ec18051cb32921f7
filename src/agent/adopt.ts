import { servedPool } from '../haproxy/config/backend.ts';
import { listeners } from '../haproxy/config/frontend.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { type Server, servers } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { askWorker, findMaster, masterInfo } from '../haproxy/process/master.ts';
import { NO_LIMIT } from '../haproxy/runtime/commands.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import { SHOW_SERVER_STATS, type ServerStat, parseServerStats } from '../haproxy/runtime/stat.ts';
import { parseTarget } from '../spec/target.ts';
import type { Live } from './converge.ts';

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
    listeners: listeners(model.spec, model.layout),
    address: model.address,
  };
}

/** The servers that HAProxy has, as it tells them; those of the admission sections are not counted. */
export async function observedServers(model: ServiceModel): Promise<Server[]> {
  const { workerSocket } = servicePaths(model.id, model.layout);
  const stats = parseServerStats(
    await withRuntime(workerSocket, (runtime) => runtime.send(SHOW_SERVER_STATS)),
  );
  const known = new Map(servers(model).map((server) => [server.name, server]));
  return stats
    .filter((stat) => servedPool(stat.pool) === undefined)
    .map((stat) => toServer(stat, known.get(stat.name)));
}

function toServer(stat: ServerStat, known: Server | undefined): Server {
  const at = parseTarget(stat.address);
  return {
    pool: stat.pool,
    name: stat.name,
    target: known?.target ?? stat.name,
    address: at?.host,
    port: at?.port ?? known?.port ?? 0,
    weight: stat.weight,
    maxConnections: stat.maxConnections === NO_LIMIT ? 0 : stat.maxConnections,
    backup: stat.backup,
    id: known?.id === undefined ? undefined : stat.id,
  };
}
