import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeContainer } from '../../../src/machines/container/container.ts';
import { openManagement } from '../../../src/machines/network/management.ts';
import { removePublicNetwork, removeVpcNetwork } from '../../../src/machines/network/networks.ts';
import { run } from '../command.ts';

/** What of a control plane's machines there is on this host, for seeing that nothing is left. */
export async function leftOf(dataDir: string): Promise<string[]> {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(dataDir));
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(`--directory=${dataDir}`));
  return [...mounts, ...processes.map((pid) => `process ${pid}`)];
}

/** Network namespaces and interfaces of this host by name. */
export async function networks(): Promise<string[]> {
  const namespaces = (await run('ip', ['netns', 'list'], process.env)).stdout.split('\n');
  const links = (await run('ip', ['-o', 'link', 'show'], process.env)).stdout.matchAll(/^\d+: ([^@:]+)/gm);
  return [
    ...namespaces.filter((line) => line !== '').map((line) => `namespace ${line.split(' ')[0]}`),
    ...[...links].map(([, name]) => `link ${name}`),
  ];
}

/** Removes what a control plane has made on this host, for a test that ends in the middle. */
export async function sweep(dataDir: string): Promise<void> {
  const machines = join(dataDir, 'machines');
  for (const name of namesIn(machines).filter((entry) => entry.startsWith('machine_')))
    await removeContainer(join(machines, name));
  for (const id of namesIn(join(dataDir, 'vpcs'))) await removeVpcNetwork(dataDir, { id, bridge: null });
  for (const name of namesIn(join(dataDir, 'public-networks')))
    await removePublicNetwork(dataDir, { cidr: name.replace('_', '/'), bridge: null });
  if (namesIn(machines).includes('management-prefix'))
    await (await openManagement(join(machines, 'management-prefix'))).remove();
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
