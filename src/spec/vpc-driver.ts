import { z } from 'zod';
import { AddressOrNetworkText, CidrText, IpText } from './network-text.ts';

/** Releases of Debian that a machine of a VPC's driver can be. */
export const MachineRelease = z
  .enum(['bookworm', 'trixie'])
  .describe('The release of Debian that its machines are: bookworm (12) or trixie (13).');
export type MachineRelease = z.infer<typeof MachineRelease>;

/** A bridge of the control plane's host; Linux has room for 15 characters. */
const BridgeName = z
  .string()
  .regex(/^(?!\.)[A-Za-z0-9_.-]{1,15}$/, 'must be the name of a bridge such as br0')
  .describe('A bridge that is there on the control plane’s host.')
  .meta({ examples: ['br0'] });

export const PublicNetwork = z
  .strictObject({
    cidr: CidrText.describe(
      'Each machine gets an address of it. On a network of its own the first one is the host’s.',
    ).meta({ examples: ['203.0.113.16/28'] }),
    bridge: BridgeName.nullable()
      .default(null)
      .describe(
        'The bridge of the host that leads there. Default: null, a bridge of its own whose only other member is the host.',
      ),
    gateway: IpText.nullable()
      .default(null)
      .describe(
        'Where machines send everything else; with a bridge alone. Default: null, on a network of its own the host.',
      ),
  })
  .describe('The network on which clients reach the machines of a VPC.');
export type PublicNetwork = z.infer<typeof PublicNetwork>;

/** What virtual machines are made of. */
export const VirtualMachineSize = z
  .strictObject({
    image: z
      .string()
      .max(4096)
      .regex(/^\/[^\p{Cc}]+$/u, 'must be an absolute path')
      .nullable()
      .default(null)
      .describe(
        'Path of a disk image on the control plane’s host that they begin from: one with cloud-init, systemd and a boot loader for BIOS, in a format that qemu-img reads. Default: null, a Debian of `release` that is built on the host.',
      )
      .meta({ examples: ['/srv/images/debian-13-genericcloud-amd64.qcow2'] }),
    cpus: z.int().min(1).max(64).default(1).describe('Processors of each. Default: 1.'),
    memory: z.int().min(512).max(1_048_576).default(1024).describe('Memory of each, in MiB. Default: 1024.'),
    acceleration: z
      .enum(['auto', 'kvm', 'qemu'])
      .default('auto')
      .describe(
        'How their processors are had. `kvm`: by the hardware. `qemu`: in software, ten times slower or more. Default: `auto`, by the hardware where a machine that is booted for a try shows that it works.',
      ),
  })
  .describe('What virtual machines are made of.');
export type VirtualMachineSize = z.infer<typeof VirtualMachineSize>;

export const DEFAULT_VIRTUAL_MACHINE: VirtualMachineSize = VirtualMachineSize.parse({});

export const VpcDriver = z
  .strictObject({
    type: z
      .enum(['container', 'libvirt'])
      .describe(
        'How machines come about, on the control plane’s host. `container`: a Debian with a systemd of its own. `libvirt`: a virtual machine with a kernel of its own.',
      ),
    release: MachineRelease.default('trixie').describe(
      'The release of Debian of new machines. Default: trixie.',
    ),
    virtualMachine: VirtualMachineSize.nullable()
      .default(null)
      .describe('What new machines of the type `libvirt` are made of. Default: null, its defaults.'),
    bridge: BridgeName.nullable()
      .default(null)
      .describe(
        'The bridge of the host that is the VPC’s network, as where its virtual machines are. Default: null, a bridge in a network namespace of its own, with no way to any other network.',
      ),
    addresses: z
      .array(AddressOrNetworkText)
      .max(64)
      .default([])
      .describe(
        'Addresses and networks within the VPC from which machines get theirs. Default: none, the first network of the VPC.',
      ),
    gateway: IpText.nullable()
      .default(null)
      .describe(
        'The router by which machines reach what is not on the VPC’s own link. Default: null, all of the VPC is on one link.',
      ),
    public: PublicNetwork.nullable()
      .default(null)
      .describe(
        'The network on which clients reach machines. Default: null, none: load balancers are internal, and answer on their addresses in the VPC.',
      ),
  })
  .describe('What makes the machines of a VPC: each load balancer gets its own when it is created.');
export type VpcDriver = z.infer<typeof VpcDriver>;
