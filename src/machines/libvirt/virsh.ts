import { AppError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { exec } from '../../host/exec.ts';

/** What a domain does, as far as it matters here. */
export type DomainState = 'running' | 'paused' | 'disk-fault' | 'off';

/** libvirt on this host, by its own command. */
export interface Virsh {
  /** Runs one command of it. @throws AppError `machine_start_failed`, or `machine_driver_unavailable` when nothing answers */
  run(args: readonly string[], timeoutMs?: number): Promise<string>;
  /** Whether a command succeeds. @throws AppError `machine_driver_unavailable` when nothing answers */
  succeeds(args: readonly string[]): Promise<boolean>;
  /** undefined: there is no such domain. */
  state(domain: string): Promise<DomainState | undefined>;
}

const TIMEOUT_MS = 120_000;
const MOST_WORDS = 400;
/** virDomainState and virDomainPausedReason; words would be in the language of the host. */
const RUNNING = ['1', '2'];
const PAUSED = '3';
const PAUSED_BY_DISK = '5';
/** It is shutting down, or sleeps; it is looked at again. */
const BUSY = ['4', '7'];

/** @param uri of libvirt. Default: what LIBVIRT_DEFAULT_URI says, and the system's own. */
export function createVirsh(uri = process.env['LIBVIRT_DEFAULT_URI'] ?? 'qemu:///system'): Virsh {
  const call = (args: readonly string[], timeoutMs = TIMEOUT_MS) =>
    exec('virsh', ['--connect', uri, '--quiet', ...args], timeoutMs);

  const requireAnswer = async (): Promise<void> => {
    const { code, stderr, missing } = await call(['list', '--name']);
    if (code === 0) return;
    const why = missing ? 'there is no virsh' : said(stderr);
    throw new AppError('machine_driver_unavailable', `libvirt does not answer on this host: ${why}`, {
      hint: missing
        ? 'apt-get install libvirt-daemon-system libvirt-clients'
        : 'Start it: systemctl start libvirtd',
    });
  };

  const run: Virsh['run'] = async (args, timeoutMs) => {
    const { code, stdout, stderr } = await call(args, timeoutMs);
    if (code === 0) return stdout;
    await requireAnswer();
    throw new AppError('machine_start_failed', `virsh ${args.join(' ')} failed: ${said(stderr)}`, {
      hint: 'The log of libvirt says more: journalctl -u libvirtd',
    });
  };

  const succeeds: Virsh['succeeds'] = async (args) => {
    if ((await call(args)).code === 0) return true;
    await requireAnswer();
    return false;
  };

  return {
    run,
    succeeds,
    async state(domain) {
      const names = (await run(['list', '--all', '--name'])).split('\n');
      if (!names.includes(domain)) return undefined;
      const stats = await run(['domstats', '--state', domain]);
      const [, state = ''] = /state\.state=(\d+)/.exec(stats) ?? [];
      const [, why] = /state\.reason=(\d+)/.exec(stats) ?? [];
      if (state === PAUSED) return why === PAUSED_BY_DISK ? 'disk-fault' : 'paused';
      return [...RUNNING, ...BUSY].includes(state) ? 'running' : 'off';
    },
  };
}

function said(stderr: string): string {
  const text = stderr.trim().split('\n').slice(-2).join('; ');
  return printable(text, MOST_WORDS) || 'it gave no reason in time';
}
