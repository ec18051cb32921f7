import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../../src/machines/driver.ts';
import { createSshDriver } from '../../../src/machines/ssh/driver.ts';
import { calm } from './world.ts';

export interface DriverCase {
  kind: string;
  /** Why its machines cannot be had on this host; undefined when they can. */
  reason: string | undefined;
  create(): Promise<Machine>;
}

const READY_MS = 10 * 60_000;
const LONG_MS = 5 * 60_000;

/** What every driver's machine is like. */
export function describeDriver({ kind, reason, create }: DriverCase): void {
  describe.skipIf(reason !== undefined)(`a machine of the driver ${kind}`, { timeout: READY_MS }, () => {
    let machine: Machine;

    beforeAll(async () => {
      machine = await create();
      await machine.wait(calm);
    }, READY_MS);

    const run = async (line: string) => {
      const connection = await machine.connect(calm);
      const end = await connection.run('/bin/sh -s', line, LONG_MS);
      connection.close();
      return end;
    };

    test('runs commands as root, and tells how they ended', async () => {
      expect(await run('id -un; echo oh >&2; exit 3')).toEqual({ code: 3, stdout: 'root\n', stderr: 'oh\n' });
      expect((await run('kill -9 $$')).code).toBeUndefined();
    });

    test('has a systemd that is well', async () => {
      expect((await run('systemctl is-system-running --wait')).stdout).toBe('running\n');
    });

    test('is not connected to when its host key is another one', async () => {
      const impostor = createSshDriver().create({ ...machine.target, hostKey: 'SHA256:other' }, calm);
      await expect(impostor).rejects.toMatchObject({ code: 'host_key_changed' });
    });

    test('stops what runs when nobody waits any longer', async () => {
      const abort = new AbortController();
      const connection = await machine.connect(abort.signal);
      const ended = connection.run('/bin/sh -s', 'sleep 60', 60_000);
      abort.abort();
      await expect(ended).rejects.toMatchObject({ code: 'machine_connection_lost' });
      const slow = await machine.connect(calm);
      await expect(slow.run('/bin/sh -s', 'sleep 60', 50)).rejects.toMatchObject({
        code: 'machine_connection_lost',
      });
      slow.close();
    });

    test('has nothing of ours after a reset, and is the same machine', async () => {
      await run('mkdir -p /etc/agentmetal/before /opt/agentmetal /var/lib/agentmetal-agent');
      await machine.reset(calm);
      await machine.wait(calm);
      const { stdout } = await run(
        'ls -d /etc/agentmetal /opt/agentmetal /var/lib/agentmetal-agent 2>/dev/null',
      );
      expect(stdout).toBe('');
    });

    test('can be let go of twice', async () => {
      await machine.destroy(calm);
      await machine
        .destroy(calm)
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'machine_unreachable' }));
    });
  });
}
