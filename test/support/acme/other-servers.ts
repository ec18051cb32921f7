import { createServer } from 'node:http';
import { type Server, createServer as createTcpServer } from 'node:net';
import type { RequestListener } from 'node:http';
import { loopbackAddress } from '../temporary.ts';
import { HTTP_PORT } from './scene.ts';

/** What a name may point to in place of the load balancer. */
export interface OtherServers {
  /** A web server that knows nothing of challenges. */
  stranger: string;
  /** An ACME client with an account of its own. */
  client: string;
  /** Something that takes connections and says nothing. */
  silent: string;
  /** Something that hears what is asked and ends the connection. */
  rude: string;
  stop(): Promise<void>;
}

const OTHER_THUMBPRINT = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ';

export async function startOtherServers(): Promise<OtherServers> {
  const addresses = {
    stranger: loopbackAddress(),
    client: loopbackAddress(),
    silent: loopbackAddress(),
    rude: loopbackAddress(),
  };
  const answerAsClient: RequestListener = (request, response) =>
    void response.end(`${request.url?.split('/').at(-1)}.${OTHER_THUMBPRINT}`);
  const stranger = createServer((_request, response) => void response.writeHead(404).end('not here'));
  const client = createServer(answerAsClient);
  const sockets = new Set<{ destroy(): unknown }>();
  const silent = createTcpServer((socket) => {
    sockets.add(socket);
    // Whoever waits may leave as he likes.
    socket.on('error', () => {});
  });
  const rude = createTcpServer((socket) => {
    socket.once('data', () => socket.end());
    socket.on('error', () => {});
  });
  const listening: [Server, string][] = [
    [stranger, addresses.stranger],
    [client, addresses.client],
    [silent, addresses.silent],
    [rude, addresses.rude],
  ];
  for (const [server, address] of listening)
    await new Promise<void>((resolve) => server.listen(HTTP_PORT, address, () => resolve()));
  return {
    ...addresses,
    async stop() {
      for (const socket of sockets) socket.destroy();
      stranger.closeAllConnections();
      client.closeAllConnections();
      for (const [server] of listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
