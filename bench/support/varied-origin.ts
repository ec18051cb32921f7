import { loopbackAddress } from '../../test/support/temporary.ts';
import { startPlainProxy } from './haproxy.ts';

/** An HTTP server at many ports that is spoken to in every way in which backends can be spoken to. */
export interface VariedOrigin {
  host: string;
  /** The same servers at another address: what a name stands for may move. */
  otherHost: string;
  plain: string[];
  /** Over TLS, HTTP/2 too. */
  tls: string[];
  /** Connections begin with a PROXY protocol header. */
  behindProxy: string[];
  stop(): Promise<void>;
}

const PORTS = { plain: 21_000, tls: 22_000, behindProxy: 23_000 };
const COUNT = 20;

/**
 * Each answer's body is the `address:port` that was asked, or by the PROXY protocol said to have been; its headers tell
 * what the backend got: the path, and the request's header X-Bench.
 */
export async function startVariedOrigin(certificate: string): Promise<VariedOrigin> {
  const [host, otherHost] = [loopbackAddress(), loopbackAddress()];
  const binds = (first: number, more = '') =>
    [host, otherHost].map((address) => `  bind ${address}:${first}-${first + COUNT - 1}${more}\n`).join('');
  const answer = (of: string) =>
    `http-request return status 200 content-type text/plain lf-string %[dst]:%[dst_port] hdr X-Frontend ${of} hdr X-Path %[path] hdr X-Seen %[req.hdr(X-Bench)] hdr X-Gone always`;
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend origin
${binds(PORTS.plain)}${binds(PORTS.tls, ` ssl crt ${certificate} alpn h2,http/1.1`)}  ${answer('plain')}
frontend behind-proxy
${binds(PORTS.behindProxy, ' accept-proxy')}  ${answer('behind-proxy')}
`;
  const proxy = await startPlainProxy(config, { host, port: PORTS.plain });
  const targets = (first: number) => Array.from({ length: COUNT }, (_, index) => `${host}:${first + index}`);
  return {
    host,
    otherHost,
    plain: targets(PORTS.plain),
    tls: targets(PORTS.tls),
    behindProxy: targets(PORTS.behindProxy),
    stop: () => proxy.stop(),
  };
}
