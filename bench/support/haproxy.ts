import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { type Address, type Program, startProgram } from './program.ts';

export type { Address } from './program.ts';

/** A HAProxy with a configuration of our own, in the foreground. */
export async function startPlainProxy(config: string, listensOn: Address): Promise<Program> {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'haproxy.cfg');
  await writeFile(file, config);
  try {
    const program = await startProgram({ command: 'haproxy', args: ['-db', '-f', file], listensOn });
    return {
      ...program,
      async stop() {
        await program.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** A fast HTTP server at many ports, which answers every request with its own `address:port`. */
export interface Origin {
  targets: string[];
  stop(): Promise<void>;
}

const FIRST_PORT = 21_000;

export async function startOrigin(count: number): Promise<Origin> {
  const host = loopbackAddress();
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend origin
  bind ${host}:${FIRST_PORT}-${FIRST_PORT + count - 1}
  http-request return status 200 content-type text/plain lf-string %[dst]:%[dst_port]
`;
  const proxy = await startPlainProxy(config, { host, port: FIRST_PORT });
  return {
    targets: Array.from({ length: count }, (_, index) => `${host}:${FIRST_PORT + index}`),
    stop: () => proxy.stop(),
  };
}
