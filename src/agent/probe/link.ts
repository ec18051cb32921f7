import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Duplex } from 'node:stream';

/** Where a probe connects. */
export interface Endpoint {
  address: string;
  port: number;
  /** How TLS is spoken; undefined for none. A probe looks at what is there, so it verifies no certificate. */
  tls?: { serverName?: string | undefined; alpn?: string[] } | undefined;
  /** The PROXY protocol's version that is spoken before all else. */
  proxy?: 'v1' | 'v2' | undefined;
}

/** What went wrong with a probe, in words that begin small. */
export class ProbeFault extends Error {
  override readonly name = 'ProbeFault';
}

/** PROXY protocol, section 2: a connection of the proxy's own, not on behalf of a client. */
const PROXY_HEADERS = {
  v1: Buffer.from('PROXY UNKNOWN\r\n'),
  v2: Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
};

/** Opens a connection, with TLS where that is asked for. Rejects with a {@link ProbeFault}. */
export async function openLink(endpoint: Endpoint, signal: AbortSignal): Promise<Duplex> {
  const { address, port, tls, proxy } = endpoint;
  const socket = connectTcp({ host: address, port, noDelay: true });
  await opened(socket, 'connect', signal, (error) => connectWords(error, endpoint));
  if (proxy) socket.write(PROXY_HEADERS[proxy]);
  if (!tls) return socket;
  const secure = connectTls({
    socket,
    rejectUnauthorized: false,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.alpn ? { ALPNProtocols: tls.alpn } : {}),
  });
  await opened(secure, 'secureConnect', signal, (error) => `TLS handshake failed: ${error.message}`);
  return secure;
}

function opened(
  stream: Duplex,
  event: string,
  signal: AbortSignal,
  words: (error: Error) => string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort);
      stream.removeListener('error', onError).removeListener('close', onClose);
      // Whatever happens later is for whoever reads; nobody may be missing when it happens.
      stream.on('error', () => undefined);
      settle();
    };
    const fail = (text: string) =>
      end(() => {
        stream.destroy();
        reject(new ProbeFault(text));
      });
    const onError = (error: Error) => fail(words(error));
    const onClose = () =>
      fail(event === 'connect' ? 'connection closed' : 'connection closed in the TLS handshake');
    const onAbort = () => fail(event === 'connect' ? 'no connection in time' : 'no TLS handshake in time');
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    stream.once('error', onError).once('close', onClose);
    stream.once(event, () => end(resolve));
  });
}

function connectWords(error: Error, { address, port }: Endpoint): string {
  const code = 'code' in error ? error.code : undefined;
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    EHOSTUNREACH: 'no route to the host',
    ENETUNREACH: 'network unreachable',
    ETIMEDOUT: 'no connection in time',
  };
  return (
    (typeof code === 'string' && known[code]) || `no connection to ${address} port ${port}: ${error.message}`
  );
}
