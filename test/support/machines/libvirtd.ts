import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../../src/host/exec.ts';
import { run } from '../command.ts';
import { waitFor } from '../wait.ts';

/** A libvirt of the test's own, beside one that the host may have. */
export interface TestLibvirt {
  uri: string;
  /** Names of its domains. */
  domains(): Promise<string[]>;
  /** Ends it with the domains that it still has. */
  stop(): Promise<void>;
}

const START_MS = 120_000;
const PROGRAMS = ['libvirtd', 'virsh', 'qemu-system-x86_64', 'qemu-img', 'genisoimage', 'unshare'];

/** Why virtual machines cannot be had on this host; undefined when they can. */
export function whyNoVirtualMachines(): string | undefined {
  if (process.env['AGENTMETAL_TEST_VIRTUAL'] === 'no') return 'AGENTMETAL_TEST_VIRTUAL is no';
  if (process.getuid?.() !== 0) return 'virtual machines of tests need root';
  if (process.arch !== 'x64') return 'virtual machines of tests need an x86-64';
  const missing = PROGRAMS.find((program) => findProgram(program) === program);
  return missing === undefined ? undefined : `virtual machines of tests need ${missing}`;
}

/** As Debian's is, but for what systemd would do: nothing moves QEMU to a control group, and its consoles are files. */
const QEMU_CONF = `
stdio_handler = "file"
namespaces = []
cgroup_controllers = []
`;

/** Its folders take the place of the host's own, for it alone. */
const START = `
for pair in etc:/etc/libvirt run:/run/libvirt lib:/var/lib/libvirt cache:/var/cache/libvirt log:/var/log/libvirt; do
  mkdir -p "\${pair#*:}"
  mount --bind "$1/\${pair%%:*}" "\${pair#*:}"
done
# As udev has it on a host that is booted; where nobody has, QEMU's user may not use it.
if [ -c /dev/kvm ]; then
  cp --archive /dev/kvm "$1/kvm"
  chgrp kvm "$1/kvm"
  chmod 0660 "$1/kvm"
  mount --bind "$1/kvm" /dev/kvm
fi
exec "$2" --config /etc/libvirt/libvirtd.conf --pid-file "$1/pid"
`;

export async function startLibvirt(): Promise<TestLibvirt> {
  // Its socket's path must be short.
  const folder = await mkdtemp(join(tmpdir(), 'am-lv-'));
  const socket = join(folder, 'sock');
  for (const name of ['etc/qemu', 'run', 'lib/qemu', 'cache', 'log', 'sock'])
    await mkdir(join(folder, name), { recursive: true, mode: 0o755 });
  await run('chmod', ['755', folder], process.env);
  await writeFile(join(folder, 'etc/qemu.conf'), QEMU_CONF);
  await writeFile(
    join(folder, 'etc/libvirtd.conf'),
    `unix_sock_dir = "${socket}"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\nlog_outputs = "3:file:${folder}/libvirtd.log"\n`,
  );
  const child = spawn('unshare', ['--mount', 'sh', '-ec', START, 'sh', folder, findProgram('libvirtd')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const uri = `qemu:///system?socket=${socket}/libvirt-sock`;
  const virsh = (...args: string[]) => run('virsh', ['--quiet', '--connect', uri, ...args], process.env);
  const domains = async () => {
    const { stdout } = await virsh('list', '--all', '--name');
    return stdout.split('\n').filter((name) => name !== '');
  };
  try {
    await waitFor('libvirt', async () => (await virsh('list')).code === 0, START_MS);
  } catch (error) {
    await end(child);
    throw error;
  }
  return {
    uri,
    domains,
    async stop() {
      for (const name of await domains()) await virsh('destroy', name);
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
