import { freePort } from '../../test/support/temporary.ts';
import { startPlainProxy } from './haproxy.ts';

/** An HTTP server that is as many backends as one likes. */
export interface ManyOrigin {
  /** The backend of that number: each has an address of its own. */
  target(index: number): string;
  stop(): Promise<void>;
}

/** It listens on all addresses, and answers with the `address:port` that was asked. */
export async function startManyOrigin(): Promise<ManyOrigin> {
  const port = await freePort('0.0.0.0');
  const block = 20 + (process.pid % 60);
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend origin
  bind 0.0.0.0:${port}
  http-request return status 200 content-type text/plain lf-string %[dst]:%[dst_port]
`;
  const proxy = await startPlainProxy(config, { host: '127.0.0.1', port });
  return {
    target: (index) => `127.${block}.${(index >> 8) & 255}.${index & 255}:${port}`,
    stop: () => proxy.stop(),
  };
}
