import { copyFile, mkdir, rename } from 'node:fs/promises';
import { memoized } from '../base/memo.ts';
import { readTextIfExists, writeFileAtomic } from '../host/files.ts';
import { isRunning, signal } from '../host/processes.ts';
import { type Listener, listeners } from '../haproxy/config/frontend.ts';
import { type ServicePaths, servicePaths } from '../haproxy/config/paths.ts';
import { hasTables, localPeerLine, peerEndpoint, peerFiles } from '../haproxy/config/peers.ts';
import { renderConfig, renderFrame } from '../haproxy/config/render.ts';
import { type Server, allServers, healthCheckOf } from '../haproxy/config/server.ts';
import { contentFiles } from '../haproxy/config/files.ts';
import { type LookupChange, lookupChanges, lookupsOf, writeLookup } from '../haproxy/config/lookups.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { type ServerChange, needsReload, serverChanges } from '../haproxy/plan.ts';
import { checkConfig } from '../haproxy/process/check.ts';
import { probeListen } from '../haproxy/process/listen-probe.ts';
import { type RunningProxy, askWorker, reloadMaster, startMaster } from '../haproxy/process/master.ts';
import { changeLookup, runCommands } from '../haproxy/runtime/commands.ts';
import { CertificateRefused } from '../haproxy/runtime/certificates.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import { type Teacher, awaitLesson, endResync } from '../haproxy/runtime/peers.ts';
import { type KnownHealth, renderServerState } from '../haproxy/runtime/server-state.ts';
import type { ApplyPath } from '../spec/plan.ts';
import {
  type CertificateChanges,
  type LiveCertificates,
  bringCertificates,
  certificateChanges,
  clearCertificates,
  hasChanges,
  toLive,
} from './serving/deploy.ts';
import {
  type CertificateFile,
  certificateFiles,
  sweepCertificates,
  writeCertificates,
} from './serving/disk.ts';
import { blameCertificate } from './serving/blame.ts';
import { boundOldWorkers } from './workers/bound.ts';
import { type Leaving, beginFirstChecks, changesToCommands, noteLeaving } from './runtime-changes.ts';
import { verifyCertificates, verifyService } from './verify.ts';

/** What each map and list holds, by its path. */
export type LiveLookups = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What runs now, as far as this agent has brought it about or seen it. */
export interface Live {
  proxy: RunningProxy;
  frameHash: string;
  servers: readonly Server[];
  lookups: LiveLookups;
  certificates: LiveCertificates;
  /** By which line it knows itself among peers, and hands stick tables on; undefined without any. */
  localPeer: string | undefined;
  listeners: Listener[];
  address: string;
  /** What it was brought to; undefined for what was found running. */
  model?: ServiceModel;
  /** Whether the configuration on the disk is the one of the model. */
  isWritten: boolean;
  /** The configuration as it was last written; undefined when that is not known. */
  written?: string;
}

export interface ConvergeContext {
  binary: string;
  healthOf(server: Server): KnownHealth;
  /** Servers that were removed and still have connections, by key. */
  leaving: Leaving;
}

export interface Converged {
  live: Live;
  path: ApplyPath;
  /** What was looked at and found as wanted. */
  verified: string[];
  /** Why the cheaper path was left, when it was. */
  fallback?: string;
  /** Keys of the added servers whose first check has been asked for. */
  begun?: ReadonlySet<string>;
  /** Connections that ended, because the worker that had them was one too many. */
  connectionsCut?: number;
}

/** Closes the difference between what runs and what is wanted, by the cheapest path that can. */
export async function converge(
  live: Live | undefined,
  model: ServiceModel,
  context: ConvergeContext,
): Promise<Converged> {
  if (!live || !isServing(live.proxy)) return start(live, model, context);
  const wanted = resolvedServers(model);
  const changes = serverChanges(live.servers, wanted);
  const frameHash = renderFrame(model).hash;
  if (frameHash !== live.frameHash || changes.some(needsReload)) return reload(live, model, context);
  const entries = changedEntries(live, model);
  const files = await certificateFiles(model);
  const certificates = certificateChanges(live.certificates, files);
  if (changes.length === 0 && entries.length === 0 && !hasChanges(certificates)) {
    const isWritten = live.isWritten && live.model === model;
    return { live: { ...live, model, isWritten }, path: 'none', verified: [] };
  }
  return changeAtRuntime(live, { servers: changes, entries, certificates, files }, model, context);
}

export function isServing({ masterPid, worker }: RunningProxy): boolean {
  return isRunning(masterPid) && isRunning(worker.pid);
}

/** Servers that HAProxy can have: those with an address. */
export const resolvedServers = memoized((model: ServiceModel): readonly Server[] =>
  allServers(model).filter((server) => server.address !== undefined),
);

/** What HAProxy looks up and what it should. */
function changedEntries(live: Live, model: ServiceModel): LookupChange[] {
  return lookupsOf(model).flatMap((lookup) =>
    lookupChanges(live.lookups.get(lookup.path) ?? new Map(), lookup),
  );
}

function wantedLookups(model: ServiceModel): LiveLookups {
  return new Map(lookupsOf(model).map(({ path, entries }) => [path, entries]));
}

/** What the runtime API is to change. */
interface RuntimeChanges {
  servers: readonly ServerChange[];
  entries: readonly LookupChange[];
  certificates: CertificateChanges;
  /** All certificates as they are afterwards. */
  files: readonly CertificateFile[];
}

async function changeAtRuntime(
  live: Live,
  { servers, entries, certificates, files }: RuntimeChanges,
  model: ServiceModel,
  context: ConvergeContext,
): Promise<Converged> {
  await writeLookups(model, new Set(entries.map(({ lookup }) => lookup.path)));
  try {
    const { workerSocket } = servicePaths(model.id, model.layout);
    const commands = [
      ...changesToCommands(servers, model, context.leaving),
      ...entries.flatMap(changeLookup),
    ];
    const begun = await withRuntime(workerSocket, async (runtime) => {
      await bringCertificates(runtime, model, certificates);
      const [checks] = await Promise.all([
        beginFirstChecks(runtime, servers, model, context.leaving),
        runCommands(runtime, commands),
      ]);
      await clearCertificates(runtime, model, certificates);
      return checks;
    });
    noteLeaving(servers, context.leaving);
    // HAProxy has taken them: only now is it certain that a reload will.
    if (hasChanges(certificates)) await keepCertificates(model, files);
    const now = {
      servers: resolvedServers(model),
      lookups: wantedLookups(model),
      certificates: toLive(files),
    };
    const verified = [
      ...(commands.length > 0 ? [`HAProxy did each of ${commands.length} runtime commands`] : []),
      ...(hasChanges(certificates) ? [await verifyCertificates(model, files)] : []),
    ];
    return { live: { ...live, ...now, model, isWritten: false }, path: 'runtime', verified, begun };
  } catch (error) {
    if (error instanceof CertificateRefused) throw error;
    const fallback = error instanceof Error ? error.message : String(error);
    return { ...(await reload(live, model, context)), fallback };
  }
}

async function start(
  before: Live | undefined,
  model: ServiceModel,
  context: ConvergeContext,
): Promise<Converged> {
  const paths = servicePaths(model.id, model.layout);
  await mkdir(paths.directory, { recursive: true, mode: 0o700 });
  await mkdir(model.layout.socketDirectory, { recursive: true, mode: 0o700 });
  await endOrphan(before, paths);
  for (const { port } of listeners(model.spec, model.layout)) await probeListen(model.address, port);
  await probePeers(model);
  const files = await certificateFiles(model);
  const undo = await installAll(model, files, paths, context);
  try {
    const proxy = await startMaster(context.binary, paths);
    context.leaving.clear();
    return await settle(proxy, model, 'start', { paths, files, teacher: 'agent' });
  } catch (error) {
    await undo();
    throw blameCertificate(error, files);
  }
}

/** A worker whose master was killed may still hold the ports. */
async function endOrphan(before: Live | undefined, paths: ServicePaths): Promise<void> {
  const orphan = await askWorker(paths).catch(() => undefined);
  const pids = new Set([orphan?.pid, before?.proxy.worker.pid, before?.proxy.masterPid]);
  for (const pid of pids) if (pid !== undefined && isRunning(pid)) signal(pid, 'SIGKILL');
}

async function reload(live: Live, model: ServiceModel, context: ConvergeContext): Promise<Converged> {
  const paths = servicePaths(model.id, model.layout);
  for (const { port } of listeners(model.spec, model.layout)) {
    const isHeld =
      live.address === model.address && live.listeners.some((listener) => listener.port === port);
    if (!isHeld) await probeListen(model.address, port);
  }
  if (live.localPeer !== localPeerLine(model)) await probePeers(model);
  const files = await certificateFiles(model);
  await saveLive(live);
  const undo = await installAll(model, files, paths, context);
  try {
    const proxy = await reloadMaster(live.proxy.masterPid, paths, renderFrame(model).hash);
    context.leaving.clear();
    const teacher = live.localPeer === localPeerLine(model) ? undefined : 'local';
    const settled = await settle(proxy, model, 'reload', { paths, files, teacher });
    return { ...settled, connectionsCut: await boundOldWorkers(proxy.oldWorkerPids, paths) };
  } catch (error) {
    await undo();
    await restoreLastGood(live, paths);
    throw blameCertificate(error, files);
  }
}

/** Whether the other nodes can be met. */
async function probePeers(model: ServiceModel): Promise<void> {
  const { at } = peerEndpoint(model);
  if (hasTables(model) && 'host' in at) await probeListen(at.host, at.port);
}

/** Puts certificates and configuration on the disk; all of the certificates or, where HAProxy refuses any, none. */
async function installAll(
  model: ServiceModel,
  files: readonly CertificateFile[],
  paths: ServicePaths,
  context: ConvergeContext,
): Promise<() => Promise<void>> {
  const { isChanged, undo } = await writeCertificates(model, files);
  try {
    await installConfig(model, paths, context, isChanged);
    return undo;
  } catch (error) {
    await undo();
    throw blameCertificate(error, files);
  }
}

async function keepCertificates(model: ServiceModel, files: readonly CertificateFile[]): Promise<void> {
  // Not waited for to reach the disk: before the next start they are held against what is wanted.
  await writeCertificates(model, files, { durable: false });
  await sweepCertificates(model);
}

/** Checks the configuration under another name first: what lies under the real one can always be started. */
async function installConfig(
  model: ServiceModel,
  paths: ServicePaths,
  context: ConvergeContext,
  hasNewCertificates: boolean,
): Promise<void> {
  const text = renderConfig(model);
  await writeServerState(model, context);
  await writeLookups(model);
  await writeContentFiles(model);
  // What has served before needs no second look, and after a crash every millisecond counts.
  const isKnown =
    text === (await readTextIfExists(paths.lastGood)) && text === (await readTextIfExists(paths.config));
  if (isKnown && !hasNewCertificates) return;
  await writeFileAtomic(paths.candidate, text);
  await checkConfig(context.binary, paths.candidate);
  await rename(paths.candidate, paths.config);
}

interface Settling {
  paths: ServicePaths;
  files: readonly CertificateFile[];
  teacher: Teacher | undefined;
}

async function settle(
  proxy: RunningProxy,
  model: ServiceModel,
  path: ApplyPath,
  { paths, files, teacher }: Settling,
): Promise<Converged> {
  const wanted = resolvedServers(model);
  const frameHash = renderFrame(model).hash;
  const verified = await verifyService(proxy, model, wanted, frameHash);
  if (files.length > 0) verified.push(await verifyCertificates(model, files));
  if (teacher && hasTables(model)) await endLesson(model, teacher, paths);
  await writeFileAtomic(paths.lastGood, renderConfig(model), { durable: false });
  await sweepCertificates(model);
  const live = {
    proxy,
    frameHash,
    servers: wanted,
    lookups: wantedLookups(model),
    certificates: toLive(files),
    localPeer: hasTables(model) ? localPeerLine(model) : undefined,
    listeners: listeners(model.spec, model.layout),
    address: model.address,
    model,
    isWritten: true,
  };
  return {
    live,
    path,
    verified,
  };
}

/** How long a worker that begins with nothing may take to be taught by another node, which may be away. */
const LESSON_MS = 500;

async function endLesson(model: ServiceModel, teacher: Teacher, paths: ServicePaths): Promise<void> {
  const hasOthers = (model.nodes?.members.length ?? 1) > 1;
  if (teacher === 'agent' && hasOthers && (await awaitLesson(paths.workerSocket, LESSON_MS))) return;
  await endResync(peerEndpoint(model), teacher);
}

/** Puts the last good configuration back, and back to work if a worker with the new one has begun to serve. */
async function restoreLastGood(live: Live, paths: ServicePaths): Promise<void> {
  await copyFile(paths.lastGood, paths.candidate);
  await rename(paths.candidate, paths.config);
  const worker = await askWorker(paths).catch(() => undefined);
  if (worker && worker.pid !== live.proxy.worker.pid) {
    live.proxy = await reloadMaster(live.proxy.masterPid, paths, live.frameHash);
  }
}

/**
 * Writes the configuration of what runs. A change at run time does not wait for it: nobody reads it before the next start or
 * reload, and both write it first.
 */
export async function saveLive(live: Live): Promise<Live> {
  const { model, isWritten, written } = live;
  if (isWritten || !model) return live;
  const paths = servicePaths(model.id, model.layout);
  const text = renderConfig(model);
  if (text === written) return { ...live, isWritten: true };
  // Not waited for to reach the disk: it differs from the file before in servers alone, which the agent sets anyway.
  await writeFileAtomic(paths.config, text, { durable: false });
  await writeFileAtomic(paths.lastGood, text, { durable: false });
  return { ...live, isWritten: true, written: text };
}

/** Writes the maps and lists that a worker begins with; those of the given paths, or all. */
async function writeLookups(model: ServiceModel, only?: ReadonlySet<string>): Promise<void> {
  if (only?.size === 0) return;
  await mkdir(servicePaths(model.id, model.layout).lookups, { recursive: true, mode: 0o700 });
  for (const lookup of lookupsOf(model)) {
    if (only && !only.has(lookup.path)) continue;
    await writeFileAtomic(lookup.path, writeLookup(lookup), { durable: only === undefined });
  }
}

/** Writes the pages and certificates that the configuration names. Those of before stay: what ran may come back. */
async function writeContentFiles(model: ServiceModel): Promise<void> {
  await mkdir(servicePaths(model.id, model.layout).files, { recursive: true, mode: 0o700 });
  for (const { path, content } of [...contentFiles(model), ...peerFiles(model)]) {
    if ((await readTextIfExists(path)) !== content) await writeFileAtomic(path, content);
  }
}

/** Notes what is known of the servers' health, for the next worker to begin with. */
export async function writeServerState(
  model: ServiceModel,
  context: Pick<ConvergeContext, 'healthOf'>,
): Promise<void> {
  const paths = servicePaths(model.id, model.layout);
  const text = await renderServerState(
    resolvedServers(model),
    (server) => healthCheckOf(server, model),
    context.healthOf,
  );
  await writeFileAtomic(paths.serverState, text, { durable: false });
}
