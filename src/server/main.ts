import { mkdir } from 'node:fs/promises';
import { type LevelWithSilent, type Logger, pino } from 'pino';
import { join } from 'node:path';
import { AppError, messageOf } from '../base/errors.ts';
import { acquireLock } from '../host/lock.ts';
import { type Store, openStore } from '../store/open.ts';
import { bootstrap } from './bootstrap.ts';
import { type Server, type ServerOptions, createServer } from './create-server.ts';
import { createAgentListener } from './agent-listener/listener.ts';
import { startDnsReconciler } from './dns/reconciler.ts';
import { startWatch } from './events/watch.ts';
import { startMadeKeeper } from './machines/made/keeper.ts';
import type { LibvirtOptions } from './machines/made/drivers.ts';
import { createHostMaker } from './machines/made/on-this-host.ts';
import { createProvisioner } from './machines/over-ssh.ts';
import { startMachineQueue } from './machines/queue.ts';
import { startPlacer } from './placement/placer.ts';
import { startReplacer } from './replacement/replacer.ts';
import { startLeaver } from './leaving-out/leaver.ts';
import { startSpreader } from './spreading/spreader.ts';
import { startRollout } from './upgrades/rollout.ts';
import { createSealer } from './sealing.ts';

export interface RunServerOptions extends Omit<ServerOptions, 'store' | 'log' | 'sealer' | 'agentListener'> {
  /** Folder with all state, made with mode 0700 when missing. */
  dataDir: string;
  /** Becomes the first admin key at first start; ignored later. */
  adminKey?: string | undefined;
  /** Where the token of the agent on this machine is kept, mode 0600; absent when none runs here. */
  localAgentTokenFile?: string | undefined;
  /** `host:port` on which machines reach the control plane. Default: it does not listen for them. */
  agentListen?: string | undefined;
  /** What machines call, where it is not the address of `agentListen`. */
  agentUrl?: string | undefined;
  /** Where base images of machines are kept that are made on this host. Default: in the data folder. */
  imageFolder?: string | undefined;
  /** Where virtual machines of this host are. Default: at the system's libvirt, among its own images. */
  libvirt?: LibvirtOptions | undefined;
  /** What is logged to stderr, as JSON lines. Default: warn. */
  logLevel?: LevelWithSilent | undefined;
}

export interface RunningServer {
  url: string;
  /** The first admin key, when it was made up at this start. It is told this once. */
  adminKey?: string;
  close(): Promise<void>;
}

/** Opens the store, makes what is needed at first start, and serves the API. */
export async function runServer(options: RunServerOptions): Promise<RunningServer> {
  const {
    dataDir,
    adminKey,
    localAgentTokenFile,
    agentListen,
    agentUrl,
    imageFolder,
    libvirt,
    logLevel = 'warn',
    ...rest
  } = options;
  await makeDataDir(dataDir);
  const release = await acquireLock(join(dataDir, 'control-plane.pid'), {
    role: 'server',
    what: `the control plane of ${dataDir}`,
    hint: 'One control plane alone may work on a data directory: end the other one, or name another with --data-dir.',
  });
  let store: Store | undefined;
  let server: Server | undefined;
  const loops: { stop(): Promise<void> }[] = [];
  const close = async () => {
    await server?.close();
    await Promise.all(loops.map((loop) => loop.stop()));
    await store?.close();
    await release();
  };
  try {
    store = await openStore(dataDir);
    const sealer = createSealer(dataDir);
    const agentListener =
      agentListen === undefined
        ? undefined
        : await createAgentListener({ listen: agentListen, url: agentUrl, dataDir });
    const provisioner = createProvisioner(dataDir);
    const maker = await createHostMaker({ dataDir, imageFolder, libvirt });
    const log = createLogger(logLevel);
    server = await createServer({ provisioner, maker, ...rest, store, sealer, agentListener, log });
    // Requests that come before the first start is committed wait for it: the store serves one transaction at a time.
    const { opened: url, ...made } = await bootstrap(
      server.context,
      { adminKey, localAgentTokenFile },
      server.listen,
    );
    const { context } = server;
    loops.push(startDnsReconciler(context), startWatch(context));
    loops.push(startPlacer(context), startMachineQueue(context), startReplacer(context));
    loops.push(startRollout(context), startSpreader(context), startLeaver(context));
    loops.push(startMadeKeeper(context, maker));
    return { url, ...made, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError('unavailable', `the data folder ${dataDir} cannot be opened: ${messageOf(error)}`, {
      hint: 'Name another one with --data-dir.',
      cause: error,
    });
  }
}

/** Standard output belongs to the command that runs us. */
function createLogger(level: LevelWithSilent): Logger {
  const redact = ['req.headers.authorization', 'headers.authorization'];
  return pino({ level, redact }, pino.destination({ dest: 2, sync: true }));
}
