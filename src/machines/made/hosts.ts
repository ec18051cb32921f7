import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfExists } from '../../host/files.ts';

interface Host {
  address: string;
  name: string;
  vpc: string;
}

const LOOPBACK = '127.0.0.1 localhost\n::1 localhost\n';

/** The hosts file that all machines of a VPC read; made when missing. */
export async function ensureHosts(folder: string): Promise<string> {
  const path = join(folder, 'hosts');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if ((await readTextIfExists(path)) === undefined) await rewrite(path, LOOPBACK);
  return path;
}

/** Gives a name to an address, by which the VPC's other machines find it: `web-1` and `web-1.prod.internal`. */
export async function addHost(path: string, { address, name, vpc }: Host): Promise<void> {
  const others = await linesWithout(path, name);
  await rewrite(path, `${others}${address} ${name} ${name}.${vpc}.internal\n`);
}

export async function removeHost(path: string, name: string): Promise<void> {
  await rewrite(path, await linesWithout(path, name));
}

async function linesWithout(path: string, name: string): Promise<string> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines
    .filter((line) => line !== '' && line.split(' ')[1] !== name)
    .map((line) => `${line}\n`)
    .join('');
}

/** In place: machines have this very file mounted, and would go on with the old one if another took its name. */
async function rewrite(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o644);
  await file.writeFile(text);
  await file.close();
}
