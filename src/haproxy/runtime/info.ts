import { frameHashOf } from '../config/render.ts';

/** What a worker tells of itself (`show info`). */
export interface WorkerInfo {
  pid: number;
  version: string;
  uptimeSeconds: number;
  /** Which frame it runs; undefined for a configuration that is not ours. */
  frameHash: string | undefined;
}

export function parseInfo(text: string): WorkerInfo {
  const fields = new Map(text.split('\n').map((line) => splitOnce(line)));
  return {
    pid: Number(fields.get('Pid')),
    version: fields.get('Version') ?? 'unknown',
    uptimeSeconds: Number(fields.get('Uptime_sec') ?? 0),
    frameHash: frameHashOf(fields.get('description')),
  };
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(': ');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 2)];
}

/** What the master tells of its workers (`show proc`). */
export interface MasterInfo {
  /** Reloads that failed since the last good one. */
  failedReloads: number;
  reloads: number;
  /** The worker that listens; undefined when none does. */
  workerPid: number | undefined;
  /** Workers of before that finish their connections, the oldest first. */
  oldWorkerPids: number[];
}

const MASTER = /^\d+\s+master\s+(?<reloads>\d+)(?:\s+\[failed: (?<failed>\d+)\])?/m;
/** The third column counts the reloads since the worker began. */
const WORKER = /^(?<pid>\d+)\s+worker\s+(?<reloads>\d+)?/;

export function parseProcesses(text: string): MasterInfo {
  const master = MASTER.exec(text)?.groups;
  const [current = '', old = ''] = text.split('# old workers');
  return {
    reloads: Number(master?.['reloads'] ?? 0),
    failedReloads: Number(master?.['failed'] ?? 0),
    workerPid: workerPids(current)[0],
    oldWorkerPids: workerPids(old),
  };
}

function workerPids(text: string): number[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const worker = WORKER.exec(line)?.groups;
      return worker ? [{ pid: Number(worker['pid']), reloads: Number(worker['reloads'] ?? 0) }] : [];
    })
    .toSorted((left, right) => right.reloads - left.reloads)
    .map(({ pid }) => pid);
}
