import { isIPv6 } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';
import { systemCode } from '../../base/errors.ts';
import { exec, findProgram } from '../../host/exec.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';

/** Answers for an address only where it is, and asks in the name of none that is elsewhere. */
const SETTINGS = { arp_ignore: '1', arp_announce: '2' };

/**
 * Gives the loopback interface the floating addresses. So HAProxy's connections on them live on when another node takes an
 * address over: to the machine it still is its own. On the network only the interface that keepalived gives it to answers
 * for it, which for IPv4 must be said.
 * @param keep file that remembers how the interfaces were before.
 */
export async function holdOnLoopback(
  addresses: readonly string[],
  devices: readonly string[],
  keep: string,
): Promise<void> {
  const before = new Map(Object.entries(await readKept(keep)));
  const paths = devices.flatMap((device) =>
    Object.entries(SETTINGS).map(
      ([name, value]) => [`/proc/sys/net/ipv4/conf/${device}/${name}`, value] as const,
    ),
  );
  for (const [path] of paths) if (!before.has(path)) before.set(path, (await readFile(path, 'utf8')).trim());
  await writeFileAtomic(keep, JSON.stringify(Object.fromEntries(before)));
  for (const [path, value] of paths) await writeFile(path, value);
  for (const address of addresses) await addToLoopback(address);
}

/** Takes addresses away again; what is not there is no fault. */
export async function clearLoopback(addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await exec(findProgram('ip'), change('del', address));
}

/** Sets the interfaces as they were. */
export async function restoreInterfaces(keep: string): Promise<void> {
  for (const [path, value] of Object.entries(await readKept(keep))) {
    await writeFile(path, value).catch((error: unknown) => {
      // The interface has gone meanwhile, and its settings with it.
      if (systemCode(error) !== 'ENOENT') throw error;
    });
  }
}

async function readKept(keep: string): Promise<Record<string, string>> {
  return JSON.parse((await readTextIfExists(keep)) ?? '{}') as Record<string, string>;
}

async function addToLoopback(address: string): Promise<void> {
  const result = await exec(findProgram('ip'), change('replace', address));
  if (result.missing) throw new Error('there is no `ip` on this machine: apt-get install iproute2');
  if (result.code !== 0)
    throw new Error(`the loopback interface does not take ${address}: ${result.stderr.trim()}`);
}

function change(verb: 'replace' | 'del', address: string): string[] {
  const isSix = isIPv6(address);
  const more = isSix && verb === 'replace' ? ['nodad'] : [];
  return ['address', verb, `${address}/${isSix ? 128 : 32}`, 'dev', 'lo', ...more];
}
