import { execFile, spawn } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../src/host/exec.ts';
import { findUser } from '../../src/host/users.ts';
import { freePort } from './temporary.ts';

/** A PostgreSQL server on a port of its own. */
export interface RealPostgres {
  target: string;
  user: string;
  stop(): Promise<void>;
}

/** Starts one in a folder of the directory; it does not run as root, whoever runs the test. */
export async function startRealPostgres(directory: string): Promise<RealPostgres> {
  const user = process.getuid?.() === 0 ? (findUser('postgres') ?? findUser('nobody')) : undefined;
  const data = join(directory, 'postgres');
  await mkdir(data, { mode: 0o700 });
  if (user) await chown(data, user.uid, user.gid);
  if (user) await chown(directory, user.uid, user.gid);
  const options = { cwd: data, env: { PATH: process.env['PATH'], LANG: 'C', HOME: data }, ...user };
  const cluster = ['-D', join(data, 'db'), '-U', 'check', '-A', 'scram-sha-256', '--no-sync'];
  await promisify(execFile)(findProgram('initdb'), [...cluster, '--pwfile', '/etc/hostname'], options);
  const port = await freePort();
  const settings = [
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${data}`,
    '-c',
    'fsync=off',
  ];
  const server = spawn(findProgram('postgres'), ['-D', join(data, 'db'), '-p', String(port), ...settings], {
    ...options,
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  return {
    target: `127.0.0.1:${port}`,
    user: 'check',
    stop() {
      server.kill('SIGQUIT');
      return ended;
    },
  };
}
