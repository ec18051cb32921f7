import { join } from 'node:path';

/** What lies on the disk for the floating addresses of one load balancer. */
export interface FloatingPaths {
  directory: string;
  /** keepalived's configuration. */
  config: string;
  /** Number of keepalived's process, and of its child that speaks VRRP. */
  pidFile: string;
  vrrpPidFile: string;
  log: string;
  /** What the agent tells keepalived of HAProxy: 0, or -254 when it does not serve. With further addresses, each has its own. */
  health: string;
  /** What keepalived tells the agent: `MASTER`, `BACKUP` or `FAULT`. With further addresses, each has its own. */
  role: string;
  /** There while the node has given up its part of addresses that are spread over the nodes. */
  lastResort: string;
  /** Writes the role. */
  notify: string;
  /** How the interfaces answered for addresses before. */
  interfaces: string;
  /** Whether HAProxy runs, for when there is no agent to tell. */
  alive: string;
  /** Rules by which packets reach the node that has their connection, while they are loaded. */
  handover: string;
  /** BIRD's configuration (with secrets), number of its process, and the socket by which it is told what to do. */
  birdConfig: string;
  birdPid: string;
  birdSocket: string;
  birdLog: string;
  /** There while the node has given up its part of what is announced. */
  birdStandby: string;
  /** Takes announcements back when there is no agent to do so, and the number of its process. */
  birdWatch: string;
  birdWatchPid: string;
}

export function floatingPaths(serviceDirectory: string): FloatingPaths {
  const directory = join(serviceDirectory, 'floating');
  return {
    directory,
    config: `${directory}/keepalived.conf`,
    pidFile: `${directory}/keepalived.pid`,
    vrrpPidFile: `${directory}/vrrp.pid`,
    log: `${directory}/keepalived.log`,
    health: `${directory}/health`,
    role: `${directory}/role`,
    lastResort: `${directory}/last-resort`,
    notify: `${directory}/notify.sh`,
    interfaces: `${directory}/interfaces.json`,
    alive: `${directory}/alive.sh`,
    handover: `${directory}/handover.nft`,
    birdConfig: `${directory}/bird.conf`,
    birdPid: `${directory}/bird.pid`,
    birdSocket: `${directory}/bird.ctl`,
    birdLog: `${directory}/bird.log`,
    birdStandby: `${directory}/bird.standby`,
    birdWatch: `${directory}/bird-watch.sh`,
    birdWatchPid: `${directory}/bird-watch.pid`,
  };
}
