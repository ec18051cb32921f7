import { AppError } from '../../base/errors.ts';
import type { MachineRelease, VirtualMachineSize } from '../../spec/vpc-driver.ts';
import type { Machine, MachineDriver } from '../driver.ts';
import type { MachineNetwork } from '../network/networks.ts';

/** A machine that is to be made on this host. */
export interface MadeWanted {
  /** What tells it from every other, for good. */
  id: string;
  /** Its host name, which is its name in the VPC. */
  name: string;
  /** Name of its VPC. */
  vpc: string;
  network: MachineNetwork;
  /** Addresses of the name servers that its programs ask. */
  nameServers: readonly string[];
  release: MachineRelease;
  /** What a virtual machine is made of; for the others it says nothing. */
  virtualMachine: VirtualMachineSize;
}

/** What makes machines on this host, in one way or another. */
export interface MadeDriver extends MachineDriver<MadeWanted> {
  /**
   * Has there what such machines begin from, which takes a minute or some the first time, and tells what it is.
   * @throws AppError `machine_driver_unavailable`, which says what to install, or `machine_image_failed`
   */
  prepare(wanted: MadeWanted): Promise<string>;
  create(wanted: MadeWanted, signal: AbortSignal): Promise<Machine>;
  /** Has a machine that was made once run, and tells whether it had to be started. Its keys stay. */
  keep(wanted: MadeWanted): Promise<boolean>;
  /** Ends a machine and removes all there is of it; for one of which nothing is there it does nothing. */
  remove(wanted: Pick<MadeWanted, 'id' | 'name' | 'network'>): Promise<void>;
}

/** The fault of a machine that was made once and is no more. */
export function filesLost({ name }: Pick<MadeWanted, 'name'>): AppError {
  return new AppError('machine_start_failed', `the files of machine ${name} are gone from this host`, {
    hint: `Have another one made in its place: agentmetal machine remove ${name} --force`,
  });
}
