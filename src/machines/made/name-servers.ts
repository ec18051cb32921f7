import { readTextIfExists } from '../../host/files.ts';
import { parseIp } from '../../spec/address.ts';

/** Where systemd-resolved writes down whom it asks itself; in resolv.conf it names only itself. */
const FILES = ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'];

/** The name servers of this host that another system can ask as well, which is none on loopback. */
export async function hostNameServers(): Promise<string[]> {
  for (const file of FILES) {
    const text = (await readTextIfExists(file)) ?? '';
    const all = [...text.matchAll(/^nameserver\s+(\S+)/gm)].map(([, address = '']) => address);
    const usable = all.filter((address) => {
      const range = parseIp(address)?.range();
      return range !== undefined && range !== 'loopback';
    });
    if (usable.length > 0) return usable;
  }
  return [];
}
