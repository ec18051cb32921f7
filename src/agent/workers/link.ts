import { isRunning } from '../../host/processes.ts';
import {
  type RuntimeConnection,
  askMaster,
  openRuntime,
  withRuntime,
} from '../../haproxy/runtime/connection.ts';

/** A way to ask one worker, old or new. */
export interface WorkerLink {
  ask(command: string): Promise<string>;
  close(): void;
}

/**
 * A connection to the worker that serves, kept so that it can still be asked once another has taken its socket's place.
 * As long as it is open the worker does not end: what it counts last is not lost, and it must be closed.
 */
export async function holdWorker(socketPath: string, onEnd: () => void): Promise<WorkerLink> {
  const connection: RuntimeConnection = await openRuntime(socketPath, onEnd);
  return { ask: (command) => connection.send(command), close: () => connection.close() };
}

/** The way to the worker that serves, on a connection for each question. */
export function linkBySocket(socketPath: string): WorkerLink {
  return {
    ask: (command) => withRuntime(socketPath, (runtime) => runtime.send(command)),
    close: () => {},
  };
}

/** The way through the master, for a worker that was old already when the agent began. It holds nothing. */
export function linkByMaster(masterSocket: string, pid: number): WorkerLink {
  return {
    ask: (command) =>
      isRunning(pid)
        ? askMaster(masterSocket, `@!${pid} ${command}`)
        : Promise.reject(new Error(`worker ${pid} has ended`)),
    close: () => {},
  };
}
