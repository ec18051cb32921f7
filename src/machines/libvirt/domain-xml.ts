import { type Markup, element } from './xml.ts';

/** How the processor is had: by the hardware, or made up in software (TCG). */
export type DomainType = 'kvm' | 'qemu';

/** How a system is booted whose disk has no boot loader. */
export interface DirectBoot {
  /** Paths on the host. */
  kernel: string;
  initrd: string;
}

/** A disk that many machines read and none writes. */
export interface BaseDisk {
  /** Path on the host. */
  path: string;
  format: 'raw' | 'qcow2';
}

/** What a guest sees of its machine, and cannot change while it is saved. */
export interface Hardware {
  type: DomainType;
  /** QEMU's machine type: `pc`, or the version of it that a snapshot was made on. */
  machine: string;
  cpus: number;
  memoryMiB: number;
  /** The disk that its own one has what was written upon. */
  base: BaseDisk;
  /** null: by the boot loader on its disk. */
  boot: DirectBoot | null;
}

export interface DomainSpec extends Hardware {
  name: string;
  uuid: string;
  /** What operators read in `virsh list --title`. */
  title: string;
  /** Path of its disk, a qcow2. */
  disk: string;
  /** Path of the file that its console writes to. */
  console: string;
  /** Path of a disk with what it is told at its start, if any. */
  seed?: string | undefined;
}

/** A network card that ends in an interface of the host. */
export interface DomainNic {
  mac: string;
  /** Name of the interface on the host, which comes and goes with the domain. */
  tap: string;
}

export const SNAPSHOT = 'ready';
const DISK = 'vda';
/** Where a state was saved with a device it must be found again, whatever else there is. */
const SLOTS = { disk: 3, rng: 4, balloon: 5, seed: 6 } as const;
/** Its last lines are told of a machine that does not come. */
const COMMAND_LINE = 'console=ttyS0 root=/dev/vda rw quiet systemd.show_status=true';
/** Translated code is kept up to that; QEMU's own default is a gigabyte for each machine. */
const TRANSLATION_CACHE_MIB = 256;

export function domainXml(spec: DomainSpec): string {
  return domain(spec).xml;
}

/** What tells libvirt of the snapshot that is in the disk of a domain, which was made under another name. */
export function snapshotXml(spec: DomainSpec, createdAt: Date): string {
  return element('domainsnapshot', {}, [
    element('name', {}, SNAPSHOT),
    element('state', {}, 'running'),
    element('creationTime', {}, String(Math.floor(createdAt.getTime() / 1000))),
    element('memory', { snapshot: 'internal' }),
    element('disks', {}, [element('disk', { name: DISK, snapshot: 'internal' })]),
    domain(spec),
  ]).xml;
}

/** `managed` is left to libvirt: it makes the interface, and it is gone with the process that holds it. */
export function interfaceXml({ mac, tap }: DomainNic): string {
  return element('interface', { type: 'ethernet' }, [
    element('mac', { address: mac }),
    element('target', { dev: tap }),
    element('model', { type: 'virtio' }),
  ]).xml;
}

export function seedXml(path: string): string {
  return seedDisk(path).xml;
}

function domain(spec: DomainSpec): Markup {
  const { type, machine, cpus, memoryMiB, boot } = spec;
  return element('domain', { type }, [
    element('name', {}, spec.name),
    element('uuid', {}, spec.uuid),
    element('title', {}, spec.title),
    element('memory', { unit: 'MiB' }, String(memoryMiB)),
    element('vcpu', {}, String(cpus)),
    element('os', {}, [
      element('type', { arch: 'x86_64', machine }, 'hvm'),
      ...(boot
        ? [
            element('kernel', {}, boot.kernel),
            element('initrd', {}, boot.initrd),
            // There is no hardware to guard against, and guarding in software is dear.
            element('cmdline', {}, type === 'qemu' ? `${COMMAND_LINE} mitigations=off` : COMMAND_LINE),
          ]
        : [element('boot', { dev: 'hd' })]),
    ]),
    element('features', {}, [
      element('acpi'),
      element('apic'),
      ...(type === 'qemu'
        ? [element('tcg', {}, [element('tb-cache', { unit: 'MiB' }, String(TRANSLATION_CACHE_MIB))])]
        : []),
    ]),
    type === 'kvm'
      ? element('cpu', { mode: 'host-passthrough', migratable: 'on' })
      : element('cpu', { mode: 'maximum' }),
    element('clock', { offset: 'utc' }),
    element('on_poweroff', {}, 'destroy'),
    element('on_reboot', {}, 'restart'),
    element('on_crash', {}, 'destroy'),
    element('devices', {}, devices(spec)),
  ]);
}

function slot(number: number): Markup {
  return element('address', { type: 'pci', domain: 0, bus: 0, slot: number, function: 0 });
}

function devices({ disk, base, console, seed }: DomainSpec): Markup[] {
  return [
    element('disk', { type: 'file', device: 'disk' }, [
      element('driver', { name: 'qemu', type: 'qcow2', cache: 'writeback', discard: 'unmap' }),
      element('source', { file: disk }),
      element('backingStore', { type: 'file' }, [
        element('format', { type: base.format }),
        // It stays root's: one machine's QEMU must not be able to write what others begin from.
        element('source', { file: base.path }, [element('seclabel', { model: 'dac', relabel: 'no' })]),
        element('backingStore'),
      ]),
      element('target', { dev: DISK, bus: 'virtio' }),
      slot(SLOTS.disk),
    ]),
    ...(seed === undefined ? [] : [seedDisk(seed)]),
    element('controller', { type: 'usb', model: 'none' }),
    element('serial', { type: 'file' }, [
      element('source', { path: console, append: 'on' }),
      element('target', { port: 0 }),
    ]),
    element('rng', { model: 'virtio' }, [
      element('backend', { model: 'random' }, '/dev/urandom'),
      slot(SLOTS.rng),
    ]),
    // Memory that the guest has freed is given back, which also keeps snapshots small.
    element('memballoon', { model: 'virtio', freePageReporting: 'on' }, [slot(SLOTS.balloon)]),
  ];
}

function seedDisk(path: string): Markup {
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: 'raw' }),
    element('source', { file: path }),
    element('target', { dev: 'vdb', bus: 'virtio' }),
    element('readonly'),
    slot(SLOTS.seed),
  ]);
}
