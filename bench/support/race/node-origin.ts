import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A Node server as most are, but for how long it keeps an idle connection. */
export interface NodeOrigin {
  target: string;
  stop(): Promise<void>;
}

export async function startNodeOrigin(keepAliveTimeoutMs: number): Promise<NodeOrigin> {
  const child = fork(join(import.meta.dirname, 'node-origin-process.ts'), [String(keepAliveTimeoutMs)]);
  const [target] = (await once(child, 'message')) as [string];
  return {
    target,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
