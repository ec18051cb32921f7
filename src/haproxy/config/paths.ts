import { posix } from 'node:path';
import type { HostLayout } from '../../spec/host-layout.ts';

/** Where the files and sockets of one load balancer lie on its machine. */
export interface ServicePaths {
  directory: string;
  config: string;
  /** The next configuration while it is being checked. */
  candidate: string;
  /** The configuration that was last verified to serve. */
  lastGood: string;
  serverState: string;
  placeholder: string;
  /** Certificates with their keys. */
  certificates: string;
  /** Which certificate is served for which names. */
  certificateList: string;
  /** Maps and lists that requests are looked up in; they change at run time. */
  lookups: string;
  /** Pages and CA certificates, named for their content. */
  files: string;
  /** What HAProxy says at start and reload. */
  log: string;
  workerSocket: string;
  masterSocket: string;
  pidFile: string;
}

export function servicePaths(
  id: string,
  layout: Pick<HostLayout, 'directory' | 'socketDirectory'>,
): ServicePaths {
  const directory = posix.join(layout.directory, id);
  const sockets = posix.join(layout.socketDirectory, socketStem(id));
  return {
    directory,
    config: `${directory}/haproxy.cfg`,
    candidate: `${directory}/haproxy.cfg.next`,
    lastGood: `${directory}/haproxy.cfg.last-good`,
    serverState: `${directory}/server-state`,
    placeholder: `${directory}/placeholder.pem`,
    certificates: `${directory}/certificates`,
    certificateList: `${directory}/certificates/list`,
    lookups: `${directory}/lookups`,
    files: `${directory}/files`,
    log: `${directory}/haproxy.log`,
    workerSocket: `${sockets}.sock`,
    masterSocket: `${sockets}.master`,
    pidFile: `${directory}/haproxy.pid`,
  };
}

/** The random end of the id: a Unix socket's path has room for 107 bytes, of which HAProxy takes some for itself. */
function socketStem(id: string): string {
  return id.slice(-13);
}
