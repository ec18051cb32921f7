import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A Node server as most are, but for how long it keeps an idle connection. */
export interface NodeOrigin {
  /** The one server at each of its ports. */
  targets: string[];
  stop(): Promise<void>;
}

export async function startNodeOrigin(keepAliveTimeoutMs: number, ports: number): Promise<NodeOrigin> {
  const child = fork(new URL('./node-origin-process.ts', import.meta.url), [
    String(keepAliveTimeoutMs),
    String(ports),
  ]);
  const [targets] = (await once(child, 'message')) as [string[]];
  return {
    targets,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
