import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ForksPoolWorker, type PoolOptions } from 'vitest/node';

/** Whether each test file can have a network of its own here. */
export function canHaveOwnNetwork(): boolean {
  if (process.getuid?.() !== 0) return false;
  return spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
}

/** Runs each test file in a process of its own, in a network of its own: no file takes an address or a port from another. */
export const ownNetworkPool = {
  name: 'own-network',
  createPoolWorker: (options: PoolOptions) => new OwnNetworkWorker(options),
};

class OwnNetworkWorker extends ForksPoolWorker {
  override async start(): Promise<void> {
    const { execPath } = process;
    this.env = { ...this.env, TEST_NODE: execPath };
    // This is the program that `fork` starts.
    process.execPath = join(import.meta.dirname, 'own-network.sh');
    const started = super.start();
    process.execPath = execPath;
    await started;
  }
}
