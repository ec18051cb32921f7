import { usageError } from '../../failure.ts';

/** Options that say how the machines of a VPC are made. */
export const DRIVER_OPTIONS = {
  driver: {
    value: 'TYPE',
    summary:
      'What makes machines for its load balancers: container or libvirt (a virtual machine), on the control plane’s host',
  },
  release: { value: 'NAME', summary: 'Debian of the machines that are made: bookworm, trixie' },
  image: {
    value: 'PATH',
    summary: 'Disk image of virtual machines, on the host, instead of a Debian that is built',
  },
  cpus: { value: 'N', summary: 'Processors of each virtual machine' },
  memory: { value: 'MIB', summary: 'Memory of each virtual machine, in MiB' },
  acceleration: { value: 'HOW', summary: 'What runs virtual machines: auto, kvm, qemu (in software)' },
  public: {
    value: 'CIDR',
    summary: 'The network on which clients reach the machines that are made, such as 203.0.113.16/28',
  },
  bridge: {
    value: 'NAME',
    summary: 'The bridge of the host that is the VPC; without it one of its own, in a namespace of its own',
  },
  gateway: { value: 'ADDRESS', summary: 'The router of the VPC, where it has one' },
  machineAddresses: {
    value: 'CIDR',
    repeat: true,
    summary: 'Addresses of the VPC that machines get; without it, of its first network',
  },
  publicBridge: {
    value: 'NAME',
    summary: 'The bridge of the host that leads to the public network; without it one of its own',
  },
  publicGateway: { value: 'ADDRESS', summary: 'The router of the public network, where the host is not it' },
} as const;

export interface DriverOptions {
  driver?: string | undefined;
  release?: string | undefined;
  image?: string | undefined;
  cpus?: string | undefined;
  memory?: string | undefined;
  acceleration?: string | undefined;
  public?: string | undefined;
  bridge?: string | undefined;
  gateway?: string | undefined;
  machineAddresses: readonly string[];
  publicBridge?: string | undefined;
  publicGateway?: string | undefined;
}

/** The driver that options say, as a part of a VPC's spec to create or to merge; undefined when they say none. */
export function driverOf(options: DriverOptions): object | undefined {
  const outside = given({
    cidr: options.public,
    bridge: options.publicBridge,
    gateway: options.publicGateway,
  });
  const virtualMachine = given({
    image: options.image,
    cpus: numberOf(options.cpus),
    memory: numberOf(options.memory),
    acceleration: options.acceleration,
  });
  const driver = given({
    type: options.driver,
    release: options.release,
    virtualMachine,
    bridge: options.bridge,
    gateway: options.gateway,
    addresses: options.machineAddresses.length === 0 ? undefined : options.machineAddresses,
    public: outside,
  });
  return driver;
}

/** @throws a usage error where options say how machines are made, and not by what. */
export function requireDriver(options: DriverOptions, command: string): void {
  if (options.driver !== undefined || driverOf(options) === undefined) return;
  throw usageError('it is not said what makes the machines', `${command} --driver container`);
}

/** What is no number goes as it is: whoever checks the spec says what is wrong with it. */
function numberOf(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}

function given(fields: Record<string, unknown>): object | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
