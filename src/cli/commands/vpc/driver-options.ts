import { usageError } from '../../failure.ts';

/** Options that say how the machines of a VPC are made. */
export const DRIVER_OPTIONS = {
  driver: {
    value: 'TYPE',
    summary: 'What makes machines for its load balancers: container, on the control plane’s host',
  },
  release: { value: 'NAME', summary: 'Debian of the machines that are made: bookworm, trixie' },
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
  const driver = given({
    type: options.driver,
    release: options.release,
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

function given(fields: Record<string, unknown>): object | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
