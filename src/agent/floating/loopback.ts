import { isIPv6 } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { exec, findProgram } from '../../host/exec.ts';

/**
 * Gives the loopback interface the floating addresses. So HAProxy's connections on them live on when another node takes an
 * address over: to the machine it still is its own. On the network only the interface that keepalived gives it to answers
 * for it, which for IPv4 must be said.
 */
export async function holdOnLoopback(
  addresses: readonly string[],
  devices: readonly string[],
): Promise<void> {
  for (const device of devices) {
    // Answers for an address only where it is, and asks in the name of none that is elsewhere.
    await writeFile(`/proc/sys/net/ipv4/conf/${device}/arp_ignore`, '1\n');
    await writeFile(`/proc/sys/net/ipv4/conf/${device}/arp_announce`, '2\n');
  }
  for (const address of addresses) await changeLoopback('replace', address);
}

/** Takes them away again; what is not there is no fault. */
export async function clearLoopback(addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await exec(findProgram('ip'), change('del', address));
}

async function changeLoopback(verb: 'replace', address: string): Promise<void> {
  const result = await exec(findProgram('ip'), change(verb, address));
  if (result.missing) throw new Error('there is no `ip` on this machine: apt-get install iproute2');
  if (result.code !== 0)
    throw new Error(`the loopback interface does not take ${address}: ${result.stderr.trim()}`);
}

function change(verb: string, address: string): string[] {
  const isSix = isIPv6(address);
  const more = isSix && verb !== 'del' ? ['nodad'] : [];
  return ['address', verb, `${address}/${isSix ? 128 : 32}`, 'dev', 'lo', ...more];
}
