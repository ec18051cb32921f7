import { type RuntimeConnection, openRuntime } from '../haproxy/runtime/connection.ts';

/**
 * A connection to the serving worker that stays open. What the agent looks at again and again is read over it, and its
 * end tells at once that the worker has ended.
 */
export interface WorkerSession {
  /** The connection to the worker of that process id; one to an earlier worker is closed, or it could not end. */
  with(pid: number, socketPath: string): Promise<RuntimeConnection>;
  close(): void;
}

export function createWorkerSession(onEnd: () => void): WorkerSession {
  let present: { pid: number; connection: RuntimeConnection } | undefined;
  const close = () => {
    present?.connection.close();
    present = undefined;
  };
  return {
    async with(pid, socketPath) {
      if (present?.pid === pid) return present.connection;
      close();
      const connection = await openRuntime(socketPath, () => {
        present = undefined;
        onEnd();
      });
      present = { pid, connection };
      return connection;
    },
    close,
  };
}
