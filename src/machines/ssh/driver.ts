import type { Machine, MachineDriver } from '../driver.ts';
import { release } from '../provision.ts';
import { connect } from './connection.ts';
import type { SshTarget } from './target.ts';
import { waitUntilReachable } from './wait.ts';

/** Machines that are there already and are reached by SSH: they are claimed, and let go of clean. */
export function createSshDriver(): MachineDriver<SshTarget> {
  return {
    async create(target, signal): Promise<Machine> {
      (await connect(target, signal)).close();
      return {
        target,
        wait: (stop) => waitUntilReachable(target, stop),
        connect: (stop) => connect(target, stop),
        reset: (stop) => release(target, stop),
        destroy: (stop) => release(target, stop),
      };
    },
  };
}
