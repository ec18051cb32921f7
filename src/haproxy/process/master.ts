import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm, truncate } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { findDaemon } from '../../host/daemon.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { isRunning, signal } from '../../host/processes.ts';
import type { ServicePaths } from '../config/paths.ts';
import { askMaster, withRuntime } from '../runtime/connection.ts';
import { type MasterInfo, type WorkerInfo, parseInfo, parseProcesses } from '../runtime/info.ts';
import { ApplyError } from './apply-error.ts';
import { faultLines, haproxyMissing } from './check.ts';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 5;

/** A HAProxy that serves. */
export interface RunningProxy {
  masterPid: number;
  worker: WorkerInfo;
  /** Workers of before that finish their connections. */
  oldWorkerPids: number[];
}

/** The master that serves a load balancer, whoever started it; undefined when none runs. */
export function findMaster({ pidFile, config }: ServicePaths): Promise<number | undefined> {
  return findDaemon(pidFile, config);
}

export async function askWorker(paths: ServicePaths): Promise<WorkerInfo> {
  return parseInfo(await withRuntime(paths.workerSocket, (runtime) => runtime.send('show info')));
}

/** Starts HAProxy in a session of its own, so that it outlives the agent, and waits until its worker answers. */
export async function startMaster(binary: string, paths: ServicePaths): Promise<RunningProxy> {
  await rm(paths.workerSocket, { force: true });
  const log = openSync(paths.log, 'a', 0o600);
  await truncate(paths.log);
  const args = ['-W', '-f', paths.config, '-S', `${paths.masterSocket},level,admin,mode,600`];
  const child = spawn(binary, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    // Nothing of our own environment, keys above all, is for HAProxy.
    env: { PATH: process.env['PATH'] ?? '' },
  });
  closeSync(log);
  const outcome: { error?: Error; exited?: boolean } = {};
  child.once('error', (error) => (outcome.error = error));
  child.once('exit', () => (outcome.exited = true));
  child.unref();
  if (child.pid !== undefined) await notePid(child.pid, paths);
  const worker = await waitUntil(START_TIMEOUT_MS, async () => {
    if (outcome.error) throw haproxyMissing(binary);
    if (outcome.exited)
      throw new ApplyError('start_failed', `HAProxy did not start: ${await lastWords(paths)}`);
    return askWorker(paths).catch(() => undefined);
  });
  if (!worker || child.pid === undefined)
    throw new ApplyError(
      'start_failed',
      `HAProxy did not answer within ${START_TIMEOUT_MS / 1000} s of its start: ${await lastWords(paths)}`,
    );
  return { masterPid: child.pid, worker, oldWorkerPids: [] };
}

/** A HAProxy whose number cannot be kept, as on a full disk, could never be found again. */
async function notePid(pid: number, paths: ServicePaths): Promise<void> {
  try {
    await writeFileAtomic(paths.pidFile, `${pid}\n`, { durable: false });
  } catch (error) {
    signal(pid, 'SIGKILL');
    throw error;
  }
}

/** Has the master start a new worker with the configuration on disk, and waits until that worker serves. */
export async function reloadMaster(
  masterPid: number,
  paths: ServicePaths,
  frameHash: string,
): Promise<RunningProxy> {
  const before = await waitUntil(START_TIMEOUT_MS, () => {
    if (!isRunning(masterPid)) throw endedInReload(paths);
    return masterInfo(paths);
  });
  if (!before) throw new ApplyError('reload_failed', 'the HAProxy master does not answer');
  await truncate(paths.log);
  signal(masterPid, 'SIGUSR2');
  const worker = await waitUntil(START_TIMEOUT_MS, async () => {
    if (!isRunning(masterPid)) throw endedInReload(paths);
    const info = await masterInfo(paths);
    // The counter starts again when a reload succeeds, so what counts is that this try has ended.
    if (!info || (info.reloads === before.reloads && info.workerPid === before.workerPid)) return undefined;
    if (info.failedReloads > 0)
      throw new ApplyError('reload_failed', `HAProxy refused the reload: ${await lastWords(paths)}`);
    const answer = await askWorker(paths).catch(() => undefined);
    return answer?.pid === info.workerPid && answer?.frameHash === frameHash ? answer : undefined;
  });
  if (!worker)
    throw new ApplyError(
      'reload_failed',
      `no new HAProxy worker answered within ${START_TIMEOUT_MS / 1000} s: ${await lastWords(paths)}`,
    );
  const { oldWorkerPids = [] } = (await masterInfo(paths)) ?? {};
  return { masterPid, worker, oldWorkerPids };
}

function endedInReload(paths: ServicePaths): ApplyError {
  return new ApplyError(
    'reload_failed',
    `HAProxy ended during the reload (see ${paths.log}); it is started again`,
  );
}

/** Ends HAProxy with all its workers. */
export async function stopMaster(masterPid: number, paths: ServicePaths): Promise<void> {
  signal(masterPid, 'SIGTERM');
  const ended = await waitUntil(5000, () => Promise.resolve(isRunning(masterPid) ? undefined : true));
  if (!ended) signal(masterPid, 'SIGKILL');
  await Promise.all(
    [paths.pidFile, paths.workerSocket, paths.masterSocket].map((path) => rm(path, { force: true })),
  );
}

/** What the master says; undefined while it re-executes itself and its socket refuses connections. */
export function masterInfo(paths: ServicePaths): Promise<MasterInfo | undefined> {
  return askMaster(paths.masterSocket, 'show proc').then(
    (text) => (text === '' ? undefined : parseProcesses(text)),
    () => undefined,
  );
}

async function lastWords(paths: ServicePaths): Promise<string> {
  const faults = faultLines(await readFile(paths.log, 'utf8').catch(() => ''));
  return faults.length > 0 ? faults.slice(-5).join('; ') : `it gave no reason (see ${paths.log})`;
}

async function waitUntil<T>(timeoutMs: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await systemClock.sleep(POLL_MS);
  }
  return undefined;
}
