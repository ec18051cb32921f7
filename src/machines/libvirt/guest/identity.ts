import type { KeyPair } from '../../ssh/keys.ts';
import { type GuestNic, networkFiles } from './network-files.ts';

/** Label of the disk that tells a machine what it is. */
export const IDENTITY_LABEL = 'AGENTMETAL';

/** What makes a machine another one than the next, which began from the same state. */
export interface Identity {
  /** Another one for each start from the template: what was told once is not taken over again. */
  id: string;
  /** Its host name. */
  name: string;
  /** 32 hexadecimal digits, as in /etc/machine-id. */
  machineId: string;
  hostKey: KeyPair;
  /** Public key, as in authorized_keys, of who may come in as root. */
  authorizedKey: string;
  nics: readonly GuestNic[];
  /** Addresses of the name servers that its programs ask. */
  nameServers: readonly string[];
  /** Text of its hosts file. */
  hosts: string;
  /** What keeps its random numbers from being those of another one. */
  random: Buffer;
}

/** The files of the disk, by their paths on it. The names are those that the script of the guest reads. */
export function identityFiles(identity: Identity): Map<string, string | Buffer> {
  const { id, name, machineId, hostKey, authorizedKey, nics, nameServers, hosts, random } = identity;
  const files = new Map<string, string | Buffer>([
    ['id', `${id}\n`],
    ['hostname', `${name}\n`],
    ['machine-id', `${machineId}\n`],
    ['host-key', hostKey.private],
    ['host-key.pub', `${hostKey.public}\n`],
    ['authorized-keys', `${authorizedKey}\n`],
    ['hosts', hosts],
    ['resolv.conf', nameServers.map((address) => `nameserver ${address}\n`).join('')],
    ['random', random],
  ]);
  for (const [file, text] of networkFiles(nics)) files.set(`network/${file}`, text);
  return files;
}

/**
 * Takes over what the disk says. It runs whenever such a disk appears: a moment after a start from the template's saved
 * state, and at each later boot, when there is nothing to do.
 */
export const IDENTITY_SCRIPT = `#!/bin/sh
set -eu
umask 022
told=/run/agentmetal-identity
mkdir -p "$told"
mount -t iso9660 -o ro /dev/disk/by-label/${IDENTITY_LABEL} "$told"
trap 'umount "$told"' EXIT
if cmp -s "$told/id" /var/lib/agentmetal-identity; then exit 0; fi
# The clock and the random numbers are still those of when the template was saved.
/usr/local/lib/agentmetal/clock
python3 -c 'import fcntl, sys
pool = open("/dev/urandom", "wb", 0)
pool.write(open(sys.argv[1], "rb").read())
fcntl.ioctl(pool, 0x5207)' "$told/random"
rm -f /etc/ssh/ssh_host_* /etc/systemd/network/05-agentmetal-*
install -m 0644 "$told"/network/* /etc/systemd/network/
install -m 0600 "$told/host-key" /etc/ssh/ssh_host_ed25519_key
install -m 0644 "$told/host-key.pub" /etc/ssh/ssh_host_ed25519_key.pub
install -d -m 0700 /root/.ssh
install -m 0600 "$told/authorized-keys" /root/.ssh/authorized_keys
install -m 0644 "$told/hostname" /etc/hostname
cat "$told/hostname" >/proc/sys/kernel/hostname
install -m 0444 "$told/machine-id" /etc/machine-id
install -m 0644 "$told/hosts" /etc/hosts
rm -f /etc/resolv.conf
install -m 0644 "$told/resolv.conf" /etc/resolv.conf
udevadm trigger --action=add --subsystem-match=net --settle
systemctl restart systemd-networkd.service ssh.service systemd-journald.service
install -m 0600 "$told/id" /var/lib/agentmetal-identity
sync
`;
