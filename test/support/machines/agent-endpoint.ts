import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { AgentReport, DesiredLoadBalancer, DesiredState } from '../../../src/api/agent.ts';
import { selfSigned } from '../certificate.ts';

/** What agents call: it enrols them by tokens that are good once, and gives the orders that a test wants given. */
export interface AgentEndpoint {
  url: string;
  /** PEM. */
  certificate: string;
  /** A token for the next agent. */
  newToken(): string;
  /** What agents have reported, by their credential's hash; the newest last. */
  reports: AgentReport[];
  /** How many agents have enrolled. */
  enrolled(): number;
  order(loadBalancers: DesiredLoadBalancer[]): void;
  stop(): Promise<void>;
}

const POLL_MS = 500;

export async function startAgentEndpoint(
  folder: string,
  host: string,
  bundle: string,
  installScript: (token: string) => string,
): Promise<AgentEndpoint> {
  const files = selfSigned(folder, 'agents');
  const tokens = new Set<string>();
  const credentials = new Set<string>();
  const reports: AgentReport[] = [];
  let wanted: DesiredState = { controlPlaneId: 'cp_test', version: 1, ids: [], changed: [] };
  let issued = 0;
  const isKnown = (request: IncomingMessage, known: Set<string>, form = (text: string) => text) =>
    known.has(form((request.headers.authorization ?? '').replace(/^Bearer /, '')));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://x');
    if (pathname === '/v1/agent/enrol') {
      const { token, credentialHash } = JSON.parse(body.toString()) as Record<string, string>;
      if (!tokens.delete(token ?? '')) return problem(response, 403, 'enrolment_refused');
      credentials.add(credentialHash ?? '');
      return json(response, { machine: 'lb-1', controlPlaneId: wanted.controlPlaneId });
    }
    if (pathname === '/v1/agent/install' || pathname === '/v1/agent/bundle') {
      if (!isKnown(request, tokens)) return problem(response, 401, 'unauthenticated');
      const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
      if (pathname.endsWith('install')) return void response.end(installScript(token));
      createReadStream(bundle).pipe(response);
      return;
    }
    if (!isKnown(request, credentials, sha256)) return problem(response, 401, 'unauthenticated');
    if (pathname === '/v1/agent/report') {
      reports.push(JSON.parse(body.toString()) as AgentReport);
      return void response.writeHead(204).end();
    }
    const since = Number(searchParams.get('since'));
    if (pathname === '/v1/agent/desired' && since < wanted.version) return json(response, wanted);
    setTimeout(() => {
      if (pathname !== '/v1/agent/desired') json(response, { questions: [] });
      else json(response, { ...wanted, changed: since < wanted.version ? wanted.changed : [] });
    }, POLL_MS);
  };
  const server = createServer(
    { cert: await readFile(files.cert), key: await readFile(files.key) },
    (request, response) => void answer(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://${host}:${port}`,
    certificate: await readFile(files.cert, 'utf8'),
    newToken() {
      issued += 1;
      const token = `ame_it's $(token) ${issued}`;
      tokens.add(token);
      return token;
    },
    reports,
    enrolled: () => credentials.size,
    order(loadBalancers) {
      const version = wanted.version + 1;
      wanted = { ...wanted, version, ids: loadBalancers.map(({ id }) => id), changed: loadBalancers };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function json(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: `/docs#error-${code}`, title: code, status, code, detail: code }));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
