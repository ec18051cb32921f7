import { AppError } from '../../base/errors.ts';
import { findProgram } from '../../host/exec.ts';

const PROGRAMS = [
  ['virsh', 'libvirt-clients'],
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['libvirtd', 'libvirt-daemon-system'],
  ['qemu-img', 'qemu-utils'],
  ['genisoimage', 'genisoimage'],
  ['ip', 'iproute2'],
] as const;
/** What builds a disk of our own. */
const BUILDERS = [
  ['mmdebstrap', 'mmdebstrap'],
  ['mke2fs', 'e2fsprogs'],
] as const;

/**
 * @param isBuilding whether a disk must be built, too.
 * @throws AppError `machine_driver_unavailable`, which says what to install
 */
export function requireVirtualMachineHost(isBuilding: boolean): void {
  const missing = [...PROGRAMS, ...(isBuilding ? BUILDERS : [])].filter(
    ([program]) => findProgram(program) === program,
  );
  if (missing.length > 0)
    throw unavailable(
      `${missing.map(([program]) => program).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
      `On it: apt-get install ${missing.map(([, name]) => name).join(' ')}`,
    );
  if (process.arch !== 'x64')
    throw unavailable('its processor is no x86-64', 'Use the driver container there.');
  if (process.getuid?.() !== 0)
    throw unavailable('the control plane does not run as root', 'Start it as root: sudo agentmetal up');
}

function unavailable(why: string, hint: string): AppError {
  return new AppError(
    'machine_driver_unavailable',
    `the control plane’s host cannot make virtual machines: ${why}`,
    { hint },
  );
}
