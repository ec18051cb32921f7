import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface EchoOptions {
  host: string;
  /** Files with a certificate and its key, for TLS. */
  cert: string;
  key: string;
}

/** Where what is listens. */
export interface EchoPorts {
  tcp: number;
  tls: number;
  websocket: number;
  redis: number;
  postgres: number;
  mysql: number;
  smtp: number;
  grpc: number;
}

/** Servers that return what they are sent, and ones that answer health checks of every type. */
export interface Echo {
  ports: EchoPorts;
  stop(): Promise<void>;
}

export async function startEcho(options: EchoOptions): Promise<Echo> {
  const child = fork(new URL('./echo-process.ts', import.meta.url), [JSON.stringify(options)]);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const ports = await new Promise<EchoPorts>((resolve, reject) => {
    child.once('message', (message) => resolve(message as EchoPorts));
    child.once('exit', (code) => reject(new Error(`the echo servers ended with ${code}`)));
  });
  return { ports, stop };
}
