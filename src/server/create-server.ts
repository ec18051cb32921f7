import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { typeid } from 'typeid-js';
import type { CertificateSettings } from '../api/certificate-settings.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { renderConfig } from '../haproxy/config/render.ts';
import { planChange } from '../haproxy/plan.ts';
import type { Store } from '../store/open.ts';
import { parseAddressPool } from './address-pool.ts';
import { createLatestTotals } from './agent/latest-totals.ts';
import { createTakenVersions } from './agent/taken-versions.ts';
import type { AgentListener } from './agent-listener/listener.ts';
import { createApp, readTls } from './app.ts';
import { createChanges } from './changes.ts';
import { type ListenAddress, type TlsFiles, parseListen, requireSafeListen } from './config.ts';
import type { ServerContext } from './context.ts';
import { createLookup } from '../dns/lookup.ts';
import { createOrderFailures } from './certificates/order-failures.ts';
import { announceEvents } from './events/announce.ts';
import { createZoneProviders } from './dns/zone-providers.ts';
import { boundPortOf, startListening } from './listen.ts';
import type { MachineMaker } from './machines/made/maker.ts';
import type { MachineProvisioner } from './machines/provisioner.ts';
import { createQuestions } from './questions/questions.ts';
import { DEFAULT_REPLACEMENT, type ReplacementRules } from './replacement/judge.ts';
import { registerAllRoutes } from './routes/all.ts';
import type { Sealer } from './sealing.ts';
import { createWantedAgent } from './upgrades/bundle.ts';

export interface ServerOptions {
  store: Store;
  sealer: Sealer;
  /** `host:port` to listen on; port 0 takes a free one. */
  listen: string;
  /** CIDR, addresses by commas, or `*`: where load balancers of this machine listen. */
  addressPool: string;
  allowLoopbackBackends?: boolean | undefined;
  /** Name server, `ip:port`, that is asked what clients see of domains. Default: the system's. */
  resolver?: string | undefined;
  /** How machines obtain certificates. Default: from Let's Encrypt, or as they are set themselves. */
  certificateSettings?: CertificateSettings | undefined;
  tls?: TlsFiles | undefined;
  /** Allows listening beyond loopback without TLS. */
  insecureListen?: boolean | undefined;
  /** Where machines reach the control plane. Default: nowhere. */
  agentListener?: AgentListener | undefined;
  /** What makes machines on this host. */
  maker?: MachineMaker | undefined;
  /** What makes machines ready. */
  provisioner?: MachineProvisioner | undefined;
  /** Whether agents get the version of the control plane by themselves, or when somebody asks. Default: auto. */
  agentUpgrades?: 'auto' | 'manual' | undefined;
  /** When machines that are silent are replaced. Default: after five minutes, one at a time; `never` for not at all. */
  replacement?: Partial<ReplacementRules> | 'never' | undefined;
  clock?: Clock;
  newId?: ServerContext['newId'];
  randomBytes?: ServerContext['randomBytes'];
  plan?: ServerContext['plan'];
  render?: ServerContext['render'];
  log?: Logger;
}

export interface Server {
  app: FastifyInstance;
  context: ServerContext;
  /** Starts to listen and tells the URL. */
  listen(): Promise<string>;
  /** Ends long polls, lets running requests finish, and stops. The store stays open. */
  close(): Promise<void>;
}

/** The control plane's HTTP server on an open store. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const address = parseListen(options.listen);
  requireSafeListen(address, options);
  const closing = new AbortController();
  const context = createContext(options, closing.signal);
  const app = await createApp(context, { tls: options.tls && readTls(options.tls) });
  app.addHook('preClose', async () => closing.abort());
  registerAllRoutes(app, context);
  await app.ready();
  return {
    app,
    context,
    async listen() {
      const url = await listen(app, address, options.tls ? 'https' : 'http');
      await options.agentListener?.listen(context);
      options.maker?.serve(context);
      return url;
    },
    async close() {
      await Promise.all([app.close(), options.agentListener?.close(), options.maker?.close()]);
    },
  };
}

function createContext(options: ServerOptions, closing: AbortSignal): ServerContext {
  const clock = options.clock ?? systemClock;
  const newId = options.newId ?? ((prefix: string) => typeid(prefix).toString());
  const changes = createChanges(clock);
  return {
    store: announceEvents(options.store, changes),
    clock,
    newId,
    randomBytes: options.randomBytes ?? randomBytes,
    changes,
    taken: createTakenVersions(),
    questions: createQuestions({ clock, newId }),
    totals: createLatestTotals(),
    orderFailures: createOrderFailures(),
    sealer: options.sealer,
    zones: createZoneProviders(options.sealer, { clock, signal: closing }),
    lookup: createLookup(options.resolver, closing),
    plan: options.plan ?? planChange,
    render: options.render ?? renderConfig,
    log: options.log ?? pino({ level: 'silent' }),
    addressPool: parseAddressPool(options.addressPool),
    allowLoopbackBackends: options.allowLoopbackBackends ?? false,
    certificateSettings: options.certificateSettings ?? {},
    agentAccess: options.agentListener,
    maker: options.maker,
    provisioner: options.provisioner,
    wantedAgent: options.provisioner && createWantedAgent(options.provisioner),
    agentUpgrades: options.agentUpgrades ?? 'auto',
    replacement: replacementRules(options.replacement),
    closing,
  };
}

function replacementRules(given: ServerOptions['replacement']): ReplacementRules {
  // A VPC may have replacing set for itself.
  if (given === 'never') return { ...DEFAULT_REPLACEMENT, afterMs: Number.POSITIVE_INFINITY };
  return { ...DEFAULT_REPLACEMENT, ...given };
}

async function listen(app: FastifyInstance, address: ListenAddress, scheme: string): Promise<string> {
  const { host, port } = address;
  await startListening(app, address, '--listen (AGENTMETAL_LISTEN)');
  const bound = boundPortOf(app) ?? port;
  const reachable = host === '::' || host === '0.0.0.0' ? 'localhost' : host;
  return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${bound}`;
}
