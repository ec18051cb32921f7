import type { FastifyInstance } from 'fastify';
import { agentRoutes } from '../../api/contract/agent.ts';
import { AppError } from '../../base/errors.ts';
import { createApp } from '../app.ts';
import { type ListenAddress, parseListen } from '../config.ts';
import type { ServerContext } from '../context.ts';
import { boundPortOf, startListening } from '../listen.ts';
import { registerAgentRoutes } from '../routes/all.ts';
import { type AgentAccess, pinOf } from './access.ts';
import { type AgentCertificate, ensureAgentCertificate } from './certificate.ts';
import { hostAddresses, reachableHost } from './addresses.ts';

/** Where machines reach the control plane, and by what they know it. */
export interface AgentListener extends AgentAccess {
  /** Starts to listen, with what machines may ask for and nothing else. */
  listen(context: ServerContext): Promise<void>;
  /** Ends long polls and stops. */
  close(): Promise<void>;
}

export interface AgentListenerOptions {
  /** `host:port` to listen on; port 0 takes a free one. */
  listen: string;
  /** What machines call, where it is not the address to listen on. */
  url?: string | undefined;
  dataDir: string;
}

/** Reads the settings and makes the certificate when there is none yet; nothing listens until it is told to. */
export async function createAgentListener(options: AgentListenerOptions): Promise<AgentListener> {
  const address = parseListen(options.listen);
  const url = options.url === undefined ? undefined : parseUrl(options.url);
  const pair = await ensureAgentCertificate(options.dataDir, url?.hostname);
  let app: FastifyInstance | undefined;
  return {
    certificate: pair.certificate,
    pin: pinOf(pair.certificate),
    url: () => url?.origin ?? originOf(address, app),
    async listen(context) {
      app = await open(context, pair);
      await startListening(app, address, '--agent-listen (AGENTMETAL_AGENT_LISTEN)');
    },
    async close() {
      await app?.close();
    },
  };
}

async function open(
  context: ServerContext,
  { certificate: cert, key }: AgentCertificate,
): Promise<FastifyInstance> {
  const app = await createApp(context, { tls: { cert, key }, routes: agentRoutes });
  registerAgentRoutes(app, context);
  await app.ready();
  return app;
}

function originOf(address: ListenAddress, app: FastifyInstance | undefined): string {
  const host = reachableHost(address.host, hostAddresses());
  const port = (app && boundPortOf(app)) ?? address.port;
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.username === '')
    return url;
  throw new AppError('invalid_request', `the address for machines, ${JSON.stringify(text)}, cannot be used`, {
    hint: 'Write https:// and a host, with a port where it is not 443, such as https://10.0.0.2:8443 (--agent-url, AGENTMETAL_AGENT_URL).',
  });
}
