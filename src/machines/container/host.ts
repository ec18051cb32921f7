import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { findProgram } from '../../host/exec.ts';
import type { MachineRelease } from '../../spec/vpc-driver.ts';

const PROGRAMS = [
  ['systemd-nspawn', 'systemd-container'],
  ['ip', 'iproute2'],
] as const;

/**
 * @param imageFolder where base images are kept: what builds them is needed until there is one.
 * @throws AppError `machine_driver_unavailable`, which says what to install
 */
export function requireContainerHost(imageFolder: string, release: MachineRelease): void {
  const builder = existsSync(join(imageFolder, `base-${release}`))
    ? []
    : [['mmdebstrap', 'mmdebstrap'] as const];
  const missing = [...PROGRAMS, ...builder].filter(([program]) => findProgram(program) === program);
  if (missing.length > 0) {
    throw new AppError(
      'machine_driver_unavailable',
      `the control plane’s host cannot make containers: ${missing.map(([program]) => program).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
      { hint: `On it: apt-get install ${missing.map(([, name]) => name).join(' ')}` },
    );
  }
  if (process.getuid?.() === 0) return;
  throw new AppError(
    'machine_driver_unavailable',
    'the control plane does not run as root, which containers need',
    {
      hint: 'Start it as root: sudo agentmetal up',
    },
  );
}
