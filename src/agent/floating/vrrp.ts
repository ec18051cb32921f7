import { type FSWatcher, watch, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { NodeOrder } from '../../api/agent.ts';
import { messageOf } from '../../base/errors.ts';
import { stopDaemon } from '../../host/daemon.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { isRunning } from '../../host/processes.ts';
import { isUrgent as isUrgentProcess, mayBeUrgent } from '../../host/urgency.ts';
import { deviceOf } from './devices.ts';
import type { FloatingOptions, Sharing } from './floating.ts';
import { allAddresses, instancesOf } from './instances.ts';
import { type FloatingInstance, UNHEALTHY, renderKeepalived } from './keepalived-config.ts';
import { findKeepalived, reloadKeepalived, startKeepalived } from './keepalived.ts';
import { clearLoopback, holdOnLoopback, restoreInterfaces } from './loopback.ts';
import { floatingPaths } from './paths.ts';
import { readRole, roleOfAll } from './role.ts';
import { aliveScript, notifyScript } from './scripts.ts';

/** How long a node that has been told to step back does not take the addresses again. */
const YIELD_MS = 1000;

/** One node at a time has an address, and another one takes it when it fails: keepalived. */
export function createVrrp(options: FloatingOptions): Sharing {
  const { id, clock, logger, onChange } = options;
  const binary = options.binaries.keepalived;
  const paths = floatingPaths(options.service.directory);
  let isWanted = false;
  let isServing: boolean | undefined;
  /** What has been told to step back for a moment. */
  const yielding = new Set<string>();
  let ordered: NodeOrder | undefined;
  let instances: readonly FloatingInstance[] = [];
  /** Whether there are addresses that go to different nodes. */
  let isSpread = false;
  /** Whether it has given its part of those up. */
  let isLastResort = false;
  let pid: number | undefined;
  /** Whether it runs, or is to be started, so that nothing keeps it waiting. */
  let isUrgent = false;
  /** The configuration that was last seen to be on the disk. */
  let written: string | undefined;
  let isHeld = false;
  let fault: string | undefined;
  let faultSince = '';
  let watcher: FSWatcher | undefined;

  const tellHealth = () => {
    if (!isWanted || isServing === undefined) return;
    try {
      for (const { suffix } of instances) {
        const isWell = isServing && !yielding.has(suffix);
        // In place and at once: keepalived waits for the file to be closed after writing.
        writeFileSync(`${paths.health}${suffix}`, `${isWell ? 0 : UNHEALTHY}\n`, { mode: 0o600 });
      }
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
    isLastResort = (await readTextIfExists(paths.lastResort)) !== undefined;
    isWanted = true;
    watcher = watch(paths.directory, { persistent: false }, (_event, name) => {
      if (/^role(-\d+)?$/.test(name ?? '')) onChange();
    });
  };

  /** What is to be agreed about, with interfaces; undefined while that of the VPC is not known. */
  const place = (order: NodeOrder) => {
    const interfaces = options.interfaces();
    const addresses = allAddresses(order);
    const find = (address: string) => deviceOf(address, interfaces, addresses);
    const device = find(order.address);
    if (device === undefined) return undefined;
    const before = floatingIn(written);
    const placed = instancesOf(id, order, (address) => {
      const known = before.get(address);
      // One whose cable is pulled is not listed. The address must not go elsewhere for that: the other node takes it.
      const isAway = known !== undefined && interfaces[known] === undefined;
      return isAway ? known : (find(address) ?? device);
    });
    return { device, instances: placed };
  };

  /** Addresses come and go; each has files of its own. */
  const follow = async (placed: readonly FloatingInstance[]) => {
    const isThere = (list: readonly FloatingInstance[], { suffix }: FloatingInstance) =>
      list.some((each) => each.suffix === suffix);
    const others = [...instances, ...placed].filter(
      (each) => !(isThere(instances, each) && isThere(placed, each)),
    );
    const isNew = others.length > 0;
    // An agent that starts finds what keepalived told before.
    if (instances.length > 0)
      for (const { suffix } of others) await rm(`${paths.role}${suffix}`, { force: true });
    instances = placed;
    if (isNew) tellHealth();
  };

  const configure = async (order: NodeOrder) => {
    isSpread = (order.spread ?? []).length > 0;
    if (!isSpread && isLastResort) await takePartAgain();
    const placed = place(order);
    if (!placed) {
      // Which interface has the address is known from before: keepalived notices by itself when it comes back.
      if (written !== undefined) return;
      throw new Error(`no interface of this machine has the address ${order.address}`);
    }
    const others = order.members.filter(({ name }) => name !== order.name).map(({ address }) => address);
    const peers = [...new Set([...others, ...(order.former ?? [])])];
    // One that runs stays as it was started: another way would take its roles.
    const running = pid !== undefined && isRunning(pid) ? pid : await findKeepalived(paths);
    isUrgent = running === undefined ? await mayBeUrgent() : isUrgentProcess(running);
    const text = renderKeepalived({ ...order, ...placed, isLastResort, isUrgent, id, peers, paths });
    await follow(placed.instances);
    const isNew = text !== written;
    const addresses = allAddresses(order);
    if (isNew || !isHeld) {
      const gone = [...floatingIn(written).keys()].filter((address) => !addresses.includes(address));
      await clearLoopback(gone);
      await holdOnLoopback(addresses, devicesOf(placed), paths.interfaces);
      isHeld = true;
    }
    // A role that is just being given away is not to be taken for one of the new configuration.
    if (!isNew || yielding.size > 0) return;
    await writeFileAtomic(paths.config, text);
    written = text;
    if (pid !== undefined) reloadKeepalived(pid);
  };

  const takePartAgain = async () => {
    isLastResort = false;
    await rm(paths.lastResort, { force: true });
  };

  /** What keepalived has told of each. */
  const told = () =>
    instances.flatMap((instance) => {
      const role = readRole(`${paths.role}${instance.suffix}`);
      return role ? [{ ...instance, ...role }] : [];
    });
  const active = () => told().filter(({ role }) => role === 'active');

  /** Lets another node take what this one has of some. */
  const giveAway = async (given: readonly FloatingInstance[]) => {
    for (const { suffix } of given) yielding.add(suffix);
    tellHealth();
    await clock.sleep(YIELD_MS);
    for (const { suffix } of given) yielding.delete(suffix);
    tellHealth();
  };

  const run = async () => {
    if (pid !== undefined && isRunning(pid)) return;
    pid = await findKeepalived(paths);
    // Before HAProxy has served there is nothing to have addresses for.
    if (pid !== undefined || isServing === undefined) return;
    for (const { suffix } of instances) await rm(`${paths.role}${suffix}`, { force: true });
    pid = await startKeepalived(binary, paths, isUrgent);
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
    [isWanted, isHeld, pid, written, instances, ordered] = [
      false,
      false,
      undefined,
      undefined,
      [],
      undefined,
    ];
    [isSpread, isLastResort] = [false, false];
  };

  const bring = async (order: NodeOrder) => {
    ordered = order;
    await prepare();
    await configure(order);
    await run();
  };

  let turn: Promise<unknown> = Promise.resolve();
  /** One after the other: what somebody asks for comes beside what is ordered. */
  const inTurn = <T>(what: () => Promise<T>): Promise<T> => {
    const done = turn.then(what, what);
    turn = done.catch(() => undefined);
    return done;
  };
  /** Whoever asked is answered when keepalived has been told. */
  const configureNow = () => inTurn(async () => ordered && configure(ordered));

  return {
    async tend(order) {
      try {
        await inTurn(() => bring(order));
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
    async yield(addresses) {
      const isAll = addresses === undefined;
      const given = active().filter(
        ({ floating }) => isAll || floating.some(({ address }) => addresses.includes(address)),
      );
      if (isAll && isSpread) {
        if (isLastResort || !isServing) return false;
        await writeFileAtomic(paths.lastResort, '');
        isLastResort = true;
      } else if (given.length === 0) return false;
      await giveAway(given);
      if (isAll && isSpread) await configureNow();
      onChange();
      return true;
    },
    async back() {
      // Where there is one address, whoever stands by takes over when it is needed.
      if (!isLastResort) return false;
      await takePartAgain();
      await configureNow();
      onChange();
      return true;
    },
    report() {
      if (fault !== undefined) return { role: 'fault', since: faultSince, reason: fault.slice(0, 2000) };
      if (!isWanted || pid === undefined || !isRunning(pid)) return undefined;
      const now = roleOfAll(told());
      if (!now) return undefined;
      return {
        role: now.role,
        since: now.since.toISOString(),
        ...(now.role === 'fault' ? { reason: whyFault(isServing) } : {}),
        ...(isSpread ? { addresses: addressesOf(active()), isLastResort } : {}),
      };
    },
    async leave() {
      const running = await findKeepalived(paths);
      // One that has not been tended yet knows of no others.
      const hadAddresses = active().length > 0 || readRole(paths.role)?.role === 'active';
      if (running !== undefined) await stopDaemon(running);
      return running !== undefined && hadAddresses;
    },
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

function devicesOf({ device, instances }: { device: string; instances: readonly FloatingInstance[] }) {
  return [...new Set([device, ...instances.flatMap(({ floating }) => floating.map((each) => each.device))])];
}

function addressesOf(instances: readonly FloatingInstance[]): string[] {
  return instances.flatMap(({ floating }) => floating.map(({ address }) => address));
}

/** The floating addresses of a configuration that was written earlier, each with its interface. */
function floatingIn(config: string | undefined): Map<string, string> {
  const lines = (config ?? '').matchAll(/^ {4}(\S+)\/\d+ dev (\S+)$/gm);
  return new Map([...lines].map(([, address = '', device = '']) => [address, device]));
}
