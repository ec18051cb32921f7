import type { MachineRelease } from '../../../src/spec/vpc-driver.ts';
import type { ContainerMachine } from '../../../src/machines/container/driver.ts';
import { packagesOf } from './images.ts';
import { type PackageServer, startPackageServer } from './package-server.ts';
import { type MachineWorld, onMachine } from './world.ts';

/** A fresh machine, whose packages come from the tests' own package server. */
export async function freshMachine(
  world: MachineWorld,
  name: string,
  release: MachineRelease,
): Promise<{ machine: ContainerMachine; packages: PackageServer }> {
  const machine = await world.create({ name, release });
  const packages = await startPackageServer(world.gateway, packagesOf(release));
  await onMachine(
    machine,
    // dpkg writes through to the disk after every file, which a test's machine does not need.
    `rm -rf /etc/apt/sources.list.d/*; echo '${packages.source}' >/etc/apt/sources.list
     echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/tests`,
  );
  return { machine, packages };
}

/** Has packages come without Python's modules being compiled, which takes half of the time, where no program of Python runs. */
export async function leavePythonUncompiled(machine: ContainerMachine): Promise<void> {
  await onMachine(
    machine,
    `dpkg-divert --quiet --local --rename --divert /usr/bin/py3compile.off --add /usr/bin/py3compile
     ln -s true /usr/bin/py3compile`,
  );
}
