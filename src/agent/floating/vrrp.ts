import { type FSWatcher, watch, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { NodeOrder } from '../../api/agent.ts';
import { messageOf } from '../../base/errors.ts';
import { stopDaemon } from '../../host/daemon.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { isRunning } from '../../host/processes.ts';
import { deviceOf } from './devices.ts';
import type { FloatingOptions, Sharing } from './floating.ts';
import { UNHEALTHY, renderKeepalived } from './keepalived-config.ts';
import { findKeepalived, reloadKeepalived, startKeepalived } from './keepalived.ts';
import { clearLoopback, holdOnLoopback, restoreInterfaces } from './loopback.ts';
import { floatingPaths } from './paths.ts';
import { readRole } from './role.ts';
import { aliveScript, notifyScript } from './scripts.ts';

/** How long a node that has been told to step back does not take the addresses again. */
const YIELD_MS = 1000;

/** One node has the addresses, and another one takes them when it fails: keepalived. */
export function createVrrp(options: FloatingOptions): Sharing {
  const { id, clock, logger, onChange } = options;
  const binary = options.binaries.keepalived;
  const paths = floatingPaths(options.service.directory);
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

  const configure = async (order: NodeOrder) => {
    const placed = place(order);
    if (!placed) {
      // Which interface has the address is known from before: keepalived notices by itself when it comes back.
      if (written !== undefined) return;
      throw new Error(`no interface of this machine has the address ${order.address}`);
    }
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
    const text = written ?? (await readTextIfExists(paths.config));
    if (text === undefined) return;
    const running = await findKeepalived(paths);
    if (running !== undefined) await stopDaemon(running);
    await clearLoopback([...floatingIn(text).keys()]);
    await restoreInterfaces(paths.interfaces);
    await rm(paths.directory, { recursive: true, force: true });
    [isWanted, isHeld, pid, written] = [false, false, undefined, undefined];
  };

  const bring = async (order: NodeOrder) => {
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
    async leave() {
      const running = await findKeepalived(paths);
      const hadAddresses = readRole(paths.role)?.role === 'active';
      if (running !== undefined) await stopDaemon(running);
      return running !== undefined && hadAddresses;
    },
    // Whoever stands by takes over when it is needed.
    back: () => Promise.resolve(false),
    detach() {
      watcher?.close();
      watcher = undefined;
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
