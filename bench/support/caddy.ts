import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, temporaryDirectory } from '../../test/support/temporary.ts';
import { type Address, type Program, startProgram } from './program.ts';

/** A Caddy of our own, in the foreground. */
export interface Caddy extends Program {
  /** Has it take up another configuration by its API. */
  load(config: CaddyConfig): Promise<void>;
}

/** Its configuration as JSON, without the address of its API. */
export type CaddyConfig = Readonly<Record<string, unknown>>;

export async function startCaddy(config: CaddyConfig, listensOn: Address): Promise<Caddy> {
  const directory = await temporaryDirectory();
  const admin = `127.0.0.1:${await freePort()}`;
  const whole = (own: CaddyConfig) =>
    JSON.stringify({
      admin: { listen: admin },
      logging: { logs: { default: { level: 'ERROR' } } },
      storage: { module: 'file_system', root: directory.path },
      ...own,
    });
  const file = join(directory.path, 'caddy.json');
  await writeFile(file, whole(config));
  const home = { HOME: directory.path, XDG_CONFIG_HOME: directory.path, XDG_DATA_HOME: directory.path };
  try {
    const program = await startProgram({
      command: 'caddy',
      args: ['run', '--config', file],
      env: { PATH: process.env['PATH'] ?? '', ...home },
      listensOn,
    });
    return {
      ...program,
      async load(next) {
        const answer = await fetch(`http://${admin}/load`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'Cache-Control': 'must-revalidate' },
          body: whole(next),
        });
        if (!answer.ok) throw new Error(`Caddy refused a configuration: ${await answer.text()}`);
      },
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
