import { findDaemon, startDaemon } from '../../host/daemon.ts';
import { signal } from '../../host/processes.ts';
import { urgently } from '../../host/urgency.ts';
import type { FloatingPaths } from './paths.ts';

/** The keepalived of a load balancer, whoever started it; undefined when none runs. */
export function findKeepalived({ pidFile, config }: FloatingPaths): Promise<number | undefined> {
  return findDaemon(pidFile, config);
}

/**
 * Starts keepalived in a session of its own, so that it outlives the agent.
 * @throws when it cannot be started at all. What it says of its configuration stands in its log.
 */
export function startKeepalived(binary: string, paths: FloatingPaths, isUrgent: boolean): Promise<number> {
  const args = ['--dont-fork', '--log-console', '--vrrp', '--use-file', paths.config];
  const pids = ['--pid', paths.pidFile, '--vrrp_pid', paths.vrrpPidFile];
  const all = [...args, ...pids];
  return startDaemon(...(isUrgent ? urgently(binary, all) : ([binary, all] as const)), paths.log);
}

/** Has it read its configuration anew; roles stay. */
export function reloadKeepalived(pid: number): void {
  signal(pid, 'SIGHUP');
}
