import { connect } from 'node:net';

export interface ReachOptions {
  /** How long to wait for each port, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** The first port of an address on which something takes a connection; undefined when nothing does on any of them. */
export async function reachPort(
  address: string,
  ports: readonly number[],
  { timeoutMs, signal }: ReachOptions,
): Promise<number | undefined> {
  const over = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  const taken = await Promise.all(ports.map((port) => isTaken(address, port, over)));
  return ports.find((_, index) => taken[index]);
}

function isTaken(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const end = (is: boolean) => {
      resolve(is);
      socket.destroy();
    };
    socket.once('connect', () => end(true));
    // Refused, no way there, or no answer in time: nobody is served there.
    socket.on('error', () => end(false));
  });
}
