import { mkdir, rm } from 'node:fs/promises';
import type { NodeOrder, NodeRole } from '../../../api/agent.ts';
import { messageOf } from '../../../base/errors.ts';
import { stopDaemon } from '../../../host/daemon.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import { isRunning } from '../../../host/processes.ts';
import { deviceOf } from '../devices.ts';
import type { FloatingOptions, NodeReport, Sharing } from '../floating.ts';
import { clearLoopback, holdOnLoopback, restoreInterfaces } from '../loopback.ts';
import { floatingPaths } from '../paths.ts';
import { aliveScript, watchScript } from '../scripts.ts';
import { type Announced, renderBird, sessionName } from './bird-config.ts';
import { findBird, startBird, watchBird } from './bird.ts';
import { type BirdControl, connectBird } from './control.ts';
import { type ProtocolState, parseProtocols } from './protocols.ts';

/** How long routers may take to hear that an address is not announced any more. */
const WITHDRAWAL_MS = 200;
const CONNECT_TRIES = 50;
const CONNECT_PAUSE_MS = 20;

/** What has BIRD announce so much. */
const COMMANDS: Record<Announced, readonly string[]> = {
  active: ['enable "standby*"', 'enable "active*"'],
  // The other way round there would be a moment with nothing.
  standby: ['enable "standby*"', 'disable "active*"'],
  nothing: ['disable "active*"', 'disable "standby*"'],
};

/** All nodes have the addresses and announce them to the routers of their network: BIRD. */
export function createBgp(options: FloatingOptions): Sharing {
  const { id, binaries, service, clock, logger, onChange } = options;
  const paths = floatingPaths(service.directory);
  let order: NodeOrder | undefined;
  let isServing: boolean | undefined;
  let isStandby = false;
  /** From when on it has somewhere to send clients to. */
  let isReady = false;
  let pid: number | undefined;
  /** The configuration that was last seen to be on the disk. */
  let written: string | undefined;
  let held: string[] | undefined;
  let control: BirdControl | undefined;
  /** How BIRD's protocols stood when it was last asked. */
  let protocols: ReadonlyMap<string, ProtocolState> = new Map();
  let fault: string | undefined;
  let reported: { role: NodeRole; reason: string | undefined; since: string } | undefined;

  const announced = (): Announced => {
    if (!isServing || !isReady) return 'nothing';
    return isStandby ? 'standby' : 'active';
  };
  /** At once, on the connection that is held: every millisecond costs clients. */
  const push = () => COMMANDS[announced()].forEach((command) => control?.tell(command));

  const prepare = async (now: NodeOrder) => {
    if (order === undefined) {
      await mkdir(paths.directory, { recursive: true, mode: 0o700 });
      await writeFileAtomic(paths.alive, aliveScript(service), { mode: 0o700 });
      await writeFileAtomic(paths.birdWatch, watchScript(paths, binaries.birdc), { mode: 0o700 });
      written = await readTextIfExists(paths.birdConfig);
      isStandby = (await readTextIfExists(paths.birdStandby)) !== undefined;
    }
    order = now;
  };

  /** The address answers on loopback; the interfaces do not answer for it, whatever network it is in. */
  const hold = async ({ address, floatingAddresses, bgp }: NodeOrder) => {
    if (JSON.stringify(held) === JSON.stringify(floatingAddresses)) return;
    const interfaces = options.interfaces();
    const near = [address, ...(bgp?.routers ?? []).map((router) => router.address)];
    const devices = near.flatMap((each) => deviceOf(each, interfaces, floatingAddresses) ?? []);
    await clearLoopback((held ?? []).filter((each) => !floatingAddresses.includes(each)));
    await holdOnLoopback(floatingAddresses, [...new Set(devices)], paths.interfaces);
    held = [...floatingAddresses];
  };

  /** @returns whether it is new. */
  const configure = async ({ bgp, address, floatingAddresses }: NodeOrder): Promise<boolean> => {
    if (!bgp) throw new Error('there are no routers to announce to');
    const text = renderBird({
      ...bgp,
      id,
      address,
      addresses: floatingAddresses,
      announced: announced(),
      log: paths.birdLog,
    });
    if (text === written) return false;
    await writeFileAtomic(paths.birdConfig, text, { mode: 0o600 });
    written = text;
    return true;
  };

  const connected = async (): Promise<BirdControl> => {
    for (let tries = 1; control === undefined; tries++) {
      try {
        control = await connectBird(paths.birdSocket);
      } catch (error) {
        if (tries === CONNECT_TRIES) throw error;
        await clock.sleep(CONNECT_PAUSE_MS);
      }
    }
    return control;
  };

  const run = async (isNewConfig: boolean) => {
    if (pid === undefined || !isRunning(pid)) {
      control?.close();
      control = undefined;
      pid = await findBird(paths);
      // Before HAProxy has served there is nothing to announce.
      if (pid === undefined && isServing === undefined) return;
      pid ??= await startBird(binaries.bird, paths);
    }
    const bird = await connected();
    try {
      if (isNewConfig) await bird.ask('configure');
      protocols = parseProtocols(await bird.ask('show protocols'));
    } catch (error) {
      bird.close();
      control = undefined;
      throw error;
    }
    if (!isAsWanted(protocols, announced())) push();
    await watchBird(paths);
  };

  const remove = async () => {
    const text = written ?? (await readTextIfExists(paths.birdConfig));
    if (text === undefined) return;
    const running = await findBird(paths);
    if (running !== undefined) await stopDaemon(running);
    control?.close();
    await clearLoopback(held ?? addressesIn(text));
    await restoreInterfaces(paths.interfaces);
    await rm(paths.directory, { recursive: true, force: true });
    [order, pid, written, held, control] = [undefined, undefined, undefined, undefined, undefined];
    [isStandby, isReady, reported, fault, protocols] = [false, false, undefined, undefined, new Map()];
  };

  const roleNow = (): { role: NodeRole; reason?: string } | undefined => {
    if (fault !== undefined) return { role: 'fault', reason: fault };
    if (!order?.bgp || pid === undefined || !isRunning(pid)) return undefined;
    if (!isServing) return { role: 'fault', reason: 'its HAProxy does not serve' };
    if (!isReady) return { role: 'fault', reason: 'its backends are being checked for the first time' };
    const lost = lostRouters(order.bgp.routers, protocols);
    if (lost.length === order.bgp.routers.length)
      return { role: 'fault', reason: `no router hears of its addresses: ${lost.join('; ')}` };
    return { role: isStandby ? 'standby' : 'active' };
  };
  /** Says so when the role has changed. */
  const notice = () => {
    const now = roleNow();
    const isSame = now?.role === reported?.role && now?.reason === reported?.reason;
    if (isSame) return;
    const since =
      now?.role === reported?.role && reported ? reported.since : new Date(clock.now()).toISOString();
    reported = now && { role: now.role, reason: now.reason?.slice(0, 2000), since };
    onChange();
  };

  return {
    async tend(wanted) {
      try {
        await prepare(wanted);
        isReady ||= options.areBackendsKnown();
        await hold(wanted);
        await run(await configure(wanted));
        fault = undefined;
      } catch (error) {
        const said = `its addresses cannot be announced: ${wordsOf(error)}`;
        if (said !== fault) logger.error({ loadBalancer: id, error: messageOf(error) }, 'floating addresses');
        fault = said;
      }
      notice();
    },
    serving(now) {
      if (now === isServing) return;
      isServing = now;
      if (order === undefined) return;
      push();
      notice();
    },
    async yield(addresses) {
      // All nodes have all of them: there is no other one to have some.
      if (addresses !== undefined || order === undefined || isStandby || !isServing) return false;
      isStandby = true;
      push();
      await writeFileAtomic(paths.birdStandby, '');
      notice();
      await clock.sleep(WITHDRAWAL_MS);
      return true;
    },
    async back() {
      if (order === undefined || !isStandby) return false;
      isStandby = false;
      push();
      await rm(paths.birdStandby, { force: true });
      notice();
      return true;
    },
    report(): NodeReport | undefined {
      if (!reported) return undefined;
      const { role, since, reason } = reported;
      return { role, since, ...(reason === undefined ? {} : { reason }) };
    },
    detach() {
      control?.close();
      control = undefined;
    },
    async leave() {
      const running = await findBird(paths);
      // Its sessions end with it, and routers forget what it announced.
      if (running !== undefined) await stopDaemon(running);
      return running !== undefined && isServing === true && !isStandby;
    },
    remove,
  };
}

/** Whether BIRD's routes are as they should be. */
function isAsWanted(protocols: ReadonlyMap<string, ProtocolState>, announced: Announced): boolean {
  return [...protocols].every(([name, { isUp }]) => {
    if (name.startsWith('active')) return isUp === (announced === 'active');
    return name.startsWith('standby') ? isUp === (announced !== 'nothing') : true;
  });
}

/** The routers that do not hear of anything, with what BIRD says of each. */
function lostRouters(
  routers: readonly { address: string }[],
  protocols: ReadonlyMap<string, ProtocolState>,
): string[] {
  return routers.flatMap(({ address }, index) => {
    const session = protocols.get(sessionName(index));
    return session?.isUp ? [] : [`${address}: ${session?.info || 'no session'}`];
  });
}

function wordsOf(error: unknown): string {
  const said = messageOf(error);
  return said.includes('ENOENT') && said.includes('bird')
    ? 'BIRD is not installed on this machine (apt-get install bird2)'
    : said;
}

/** The addresses of a configuration that was written earlier. */
function addressesIn(config: string): string[] {
  return [...config.matchAll(/^ {2}route (\S+)\/\d+ blackhole;$/gm)].map(([, address = '']) => address);
}
