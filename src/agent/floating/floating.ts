import { type FSWatcher, watch, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { LoadBalancerReport, NodeMember, NodeOrder } from '../../api/agent.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { ServicePaths } from '../../haproxy/config/paths.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { isRunning } from '../../host/processes.ts';
import { type Interfaces, deviceOf } from './devices.ts';
import { createHandover } from './handover.ts';
import { UNHEALTHY, renderKeepalived } from './keepalived-config.ts';
import { findKeepalived, reloadKeepalived, startKeepalived, stopKeepalived } from './keepalived.ts';
import { clearLoopback, holdOnLoopback, restoreInterfaces } from './loopback.ts';
import { floatingPaths } from './paths.ts';
import { readRole } from './role.ts';
import { aliveScript, notifyScript } from './scripts.ts';

/** How long a node that has been told to step back does not take the addresses again. */
const YIELD_MS = 1000;

export interface FloatingOptions {
  id: string;
  /** keepalived's program. */
  binary: string;
  /** Where the files of the load balancer's HAProxy lie. */
  service: ServicePaths;
  clock: Clock;
  logger: Logger;
  interfaces(): Interfaces;
  /** Called when the role has changed. */
  onChange(): void;
}

export type NodeReport = NonNullable<LoadBalancerReport['node']>;

/** The floating addresses of a load balancer, as far as this node has to do with them. */
export interface Floating {
  /** Brings keepalived to what is ordered. It never throws: what fails stands in the report and is tried again. */
  tend(order: NodeOrder | undefined): Promise<void>;
  /** Tells keepalived at once whether HAProxy serves. */
  serving(isServing: boolean): void;
  /**
   * Gets ready for addresses to move: for a while, packets of connections that another node has are handed to it.
   * @returns false when there is no other node.
   */
  expect(): Promise<boolean>;
  /** Lets another node have the addresses. @returns false when this node has none. */
  yield(): Promise<boolean>;
  report(): NodeReport | undefined;
  /** Ends the watch and leaves keepalived as it is. */
  detach(): Promise<void>;
  /** Ends keepalived and takes the addresses away. */
  remove(): Promise<void>;
}

export function createFloating(options: FloatingOptions): Floating {
  const { id, binary, clock, logger, onChange } = options;
  const paths = floatingPaths(options.service.directory);
  const handover = createHandover({ id, file: paths.handover, clock, logger });
  /** What was ordered last, and the interface of the VPC. */
  let placedOrder: { order: NodeOrder; device: string } | undefined;
  let isWanted = false;
  let isServing: boolean | undefined;
  let isYielding = false;
  let pid: number | undefined;
  /** The configuration that was last seen to be on the disk. */
  let written: string | undefined;
  let isHeld = false;
  let fault: string | undefined;
  let faultSince = '';
  let watcher: FSWatcher | undefined;

  const tellHealth = () => {
    if (!isWanted || isServing === undefined) return;
    try {
      // In place and at once: keepalived waits for the file to be closed after writing.
      writeFileSync(paths.health, `${isServing && !isYielding ? 0 : UNHEALTHY}\n`, { mode: 0o600 });
    } catch (error) {
      logger.error({ loadBalancer: id, error: messageOf(error) }, 'keepalived cannot be told of HAProxy');
    }
  };

  const prepare = async () => {
    if (isWanted) return;
    await mkdir(paths.directory, { recursive: true, mode: 0o700 });
    await writeFileAtomic(paths.notify, notifyScript(paths), { mode: 0o700 });
    await writeFileAtomic(paths.alive, aliveScript(options.service), { mode: 0o700 });
    written = await readTextIfExists(paths.config);
    await handover.close();
    isWanted = true;
    watcher = watch(paths.directory, { persistent: false }, (_event, name) => {
      if (name === 'role') onChange();
    });
    tellHealth();
  };

  /** The interfaces of all addresses; undefined while that of the VPC is not known. */
  const place = (order: NodeOrder) => {
    const interfaces = options.interfaces();
    const find = (address: string) => deviceOf(address, interfaces, order.floatingAddresses);
    const device = find(order.address);
    if (device === undefined) return undefined;
    const before = floatingIn(written);
    const floating = order.floatingAddresses.map((address) => {
      const known = before.get(address);
      // One whose cable is pulled is not listed. The address must not go elsewhere for that: the other node takes it.
      const isAway = known !== undefined && interfaces[known] === undefined;
      return { address, device: isAway ? known : (find(address) ?? device) };
    });
    return { device, floating };
  };

  /** @param also nodes that may have connections still. */
  const handOver = async (also: readonly NodeMember[] = []) => {
    if (!placedOrder) return false;
    const { order, device } = placedOrder;
    const members = [...new Set([...order.members, ...also].map(({ address }) => address))].sort();
    if (members.length < 2) return false;
    await handover.open({ ...order, id, device, members });
    return true;
  };

  const configure = async (order: NodeOrder) => {
    const placed = place(order);
    if (!placed) {
      // Which interface has the address is known from before: keepalived notices by itself when it comes back.
      if (written !== undefined) return;
      throw new Error(`no interface of this machine has the address ${order.address}`);
    }
    const before = placedOrder?.order.members ?? order.members;
    placedOrder = { order, device: placed.device };
    // Who serves changes, and with it who has which connection.
    if (!isDeepStrictEqual(before, order.members)) await handOver(before);
    const others = order.members.filter(({ name }) => name !== order.name).map(({ address }) => address);
    const peers = [...new Set([...others, ...(order.former ?? [])])];
    const text = renderKeepalived({ ...order, ...placed, id, peers, paths });
    const isNew = text !== written;
    if (isNew || !isHeld) {
      const gone = [...floatingIn(written).keys()].filter(
        (address) => !order.floatingAddresses.includes(address),
      );
      await clearLoopback(gone);
      await holdOnLoopback(order.floatingAddresses, devicesOf(placed), paths.interfaces);
      isHeld = true;
    }
    if (!isNew) return;
    await writeFileAtomic(paths.config, text);
    written = text;
    if (pid !== undefined) reloadKeepalived(pid);
  };

  const run = async () => {
    if (pid !== undefined && isRunning(pid)) return;
    pid = await findKeepalived(paths);
    // Before HAProxy has served there is nothing to have addresses for.
    if (pid !== undefined || isServing === undefined) return;
    await rm(paths.role, { force: true });
    pid = await startKeepalived(binary, paths);
  };

  const remove = async () => {
    watcher?.close();
    watcher = undefined;
    await handover.close();
    placedOrder = undefined;
    const text = written ?? (await readTextIfExists(paths.config));
    if (text === undefined) return;
    const running = await findKeepalived(paths);
    if (running !== undefined) await stopKeepalived(running);
    await clearLoopback([...floatingIn(text).keys()]);
    await restoreInterfaces(paths.interfaces);
    await rm(paths.directory, { recursive: true, force: true });
    [isWanted, isHeld, pid, written] = [false, false, undefined, undefined];
  };

  const bring = async (order: NodeOrder | undefined) => {
    if (!order || order.floatingAddresses.length === 0 || order.members.length < 2) return remove();
    await prepare();
    await configure(order);
    await run();
  };

  return {
    async tend(order) {
      try {
        await bring(order);
        if (fault !== undefined) onChange();
        fault = undefined;
      } catch (error) {
        const said = `the floating addresses cannot be taken: ${wordsOf(error)}`;
        if (said === fault) return;
        fault = said;
        faultSince = new Date(clock.now()).toISOString();
        logger.error({ loadBalancer: id, error: messageOf(error) }, 'floating addresses');
        onChange();
      }
    },
    serving(now) {
      if (now === isServing) return;
      isServing = now;
      tellHealth();
    },
    expect: () => handOver(),
    async yield() {
      if (readRole(paths.role)?.role !== 'active') return false;
      isYielding = true;
      tellHealth();
      await clock.sleep(YIELD_MS);
      isYielding = false;
      tellHealth();
      return true;
    },
    report() {
      if (fault !== undefined) return { role: 'fault', since: faultSince, reason: fault.slice(0, 2000) };
      if (!isWanted) return undefined;
      const told = pid !== undefined && isRunning(pid) ? readRole(paths.role) : undefined;
      if (!told) return undefined;
      const reason = told.role === 'fault' ? { reason: whyFault(isServing) } : {};
      return { role: told.role, since: told.since.toISOString(), ...reason };
    },
    async detach() {
      watcher?.close();
      watcher = undefined;
      if (isWanted) await handover.close();
    },
    remove,
  };
}

function whyFault(isServing: boolean | undefined): string {
  return isServing ? 'a network interface of it is down' : 'its HAProxy does not serve';
}

function wordsOf(error: unknown): string {
  const said = messageOf(error);
  return said.includes('ENOENT') && said.includes('keepalived')
    ? 'keepalived is not installed on this machine (apt-get install keepalived)'
    : said;
}

function devicesOf({ device, floating }: { device: string; floating: readonly { device: string }[] }) {
  return [...new Set([device, ...floating.map((each) => each.device)])];
}

/** The floating addresses of a configuration that was written earlier, each with its interface. */
function floatingIn(config: string | undefined): Map<string, string> {
  const lines = (config ?? '').matchAll(/^ {4}(\S+)\/\d+ dev (\S+)$/gm);
  return new Map([...lines].map(([, address = '', device = '']) => [address, device]));
}
