import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { uuidOf } from './ids.ts';
import { lastLines, readConsole } from './console.ts';
import {
  type BaseDisk,
  type DirectBoot,
  type DomainType,
  type Hardware,
  SNAPSHOT,
  domainXml,
  seedXml,
} from './domain-xml.ts';
import { READY_LINE, templateFiles } from './guest/template-data.ts';
import { ensurePassable } from './folders.ts';
import { qemuImg } from './qemu-img.ts';
import { writeSeedDisk } from './seed-disk.ts';
import type { Virsh } from './virsh.ts';

/** A disk to begin from. */
export interface Image {
  /** What tells it from every other one. */
  key: string;
  base: BaseDisk;
  /** null: it has a boot loader. */
  boot: DirectBoot | null;
}

export interface TemplateWanted {
  image: Image;
  cpus: number;
  memoryMiB: number;
  /** `auto`: by hardware where that really boots the image, and else in software. */
  acceleration: DomainType | 'auto';
}

/** A machine that was booted once and saved, from which others begin. */
export interface Template {
  /** Path of its disk, a qcow2 that has the saved state as well. */
  disk: string;
  hardware: Hardware;
  createdAt: Date;
}

export interface TemplateOptions {
  /** Where templates are kept; made when missing. QEMU must be let in there. */
  folder: string;
  virsh: Virsh;
  clock?: Pick<Clock, 'now' | 'sleep'>;
}

/** Kept with its disk. */
interface Saved {
  hardware: Hardware;
  createdAt: string;
}

const BOOT_MS: Readonly<Record<DomainType, number>> = { kvm: 3 * 60_000, qemu: 15 * 60_000 };
/** Hardware that prints nothing within that boots nothing: some hosts show a /dev/kvm that runs only kernels made for it. */
const SILENCE_MS = 20_000;
const POLL_MS = 200;
const DETACH_MS = 30_000;
/** Raised when templates are made otherwise, so that those of before are not used. */
const VERSION = 2;

const builds = new Map<string, Promise<Template>>();

/**
 * The template of an image for machines of that size, which is made when it is not there: some seconds by hardware, some
 * minutes in software.
 * @throws AppError `machine_image_failed` with what its console said
 */
export async function template(wanted: TemplateWanted, options: TemplateOptions): Promise<Template> {
  // A state is only sure to be understood by what has saved it.
  const path = join(options.folder, `template-${keyOf(wanted, await qemuImg(['--version']))}`);
  const running = builds.get(path) ?? build(path, wanted, options).finally(() => builds.delete(path));
  builds.set(path, running);
  return running;
}

async function build(path: string, wanted: TemplateWanted, options: TemplateOptions): Promise<Template> {
  const kept = await readTemplate(path);
  if (kept) return kept;
  await ensurePassable(options.folder);
  const faults: AppError[] = [];
  for (const type of await typesFor(wanted, options.virsh)) {
    const part = `${path}.${randomBytes(4).toString('hex')}.part`;
    try {
      await ensurePassable(part);
      await bootOnce(part, wanted, type, options);
      await rename(part, path).catch(() => undefined);
      const made = await readTemplate(path);
      if (made) return made;
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'machine_driver_unavailable') throw error;
      faults.push(error);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
  }
  throw (
    faults.at(-1) ?? new AppError('machine_image_failed', 'the template of virtual machines is gone again')
  );
}

async function readTemplate(path: string): Promise<Template | undefined> {
  const text = await readTextIfExists(join(path, 'template.json'));
  if (text === undefined) return undefined;
  const { hardware, createdAt } = JSON.parse(text) as Saved;
  return { disk: join(path, 'disk.qcow2'), hardware, createdAt: new Date(createdAt) };
}

async function typesFor({ acceleration }: TemplateWanted, virsh: Virsh): Promise<DomainType[]> {
  if (acceleration !== 'auto') return [acceleration];
  const hasKvm = existsSync('/dev/kvm') && (await virsh.succeeds(['domcapabilities', '--virttype', 'kvm']));
  return hasKvm ? ['kvm', 'qemu'] : ['qemu'];
}

async function bootOnce(
  folder: string,
  { image, cpus, memoryMiB, acceleration }: TemplateWanted,
  type: DomainType,
  { virsh, clock = systemClock }: TemplateOptions,
): Promise<void> {
  const [disk, console, seed] = ['disk.qcow2', 'console.log', 'seed.iso'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const name = `agentmetal-template-${randomBytes(4).toString('hex')}`;
  const hardware: Hardware = { type, machine: 'pc', cpus, memoryMiB, base: image.base, boot: image.boot };
  await qemuImg(['create', '-q', '-f', 'qcow2', '-b', image.base.path, '-F', image.base.format, disk]);
  await writeSeedDisk(seed, 'cidata', templateFiles(name));
  await writeFile(console, '', { mode: 0o600 });
  const xml = join(folder, 'domain.xml');
  await writeFile(
    xml,
    domainXml({ ...hardware, name, uuid: uuidOf(name), title: 'AgentMetal template', disk, console, seed }),
  );
  await virsh.run(['define', xml]);
  try {
    await virsh.run(['start', name]);
    const isProbe = acceleration === 'auto' && type === 'kvm';
    await untilReady({ name, console, type, isProbe }, virsh, clock);
    await detachSeed(name, seed, folder, virsh, clock);
    await virsh.run(['snapshot-create-as', name, SNAPSHOT]);
    const machine =
      /machine=['"]([^'"]+)['"]/.exec(await virsh.run(['dumpxml', name]))?.[1] ?? hardware.machine;
    const saved: Saved = {
      hardware: { ...hardware, machine },
      createdAt: new Date(clock.now()).toISOString(),
    };
    await virsh.run(['destroy', name]);
    await writeFileAtomic(join(folder, 'template.json'), `${JSON.stringify(saved, null, 2)}\n`);
  } finally {
    await virsh.succeeds(['destroy', name]);
    await virsh.succeeds(['undefine', name, '--snapshots-metadata']);
  }
}

interface Booting {
  name: string;
  console: string;
  type: DomainType;
  /** Whether it is to be seen first that anything boots this way. */
  isProbe: boolean;
}

async function untilReady(
  { name, console, type, isProbe }: Booting,
  virsh: Virsh,
  clock: Pick<Clock, 'now' | 'sleep'>,
): Promise<void> {
  const startedAt = clock.now();
  for (;;) {
    const text = await readConsole(console);
    if (text.includes(READY_LINE)) return;
    const passed = clock.now() - startedAt;
    const isSilent = isProbe && passed > SILENCE_MS && text.trim() === '';
    const hasEnded = passed > SILENCE_MS && (await virsh.state(name)) === 'off';
    if (isSilent || hasEnded || passed > BOOT_MS[type]) throw notBooted(text, hasEnded, type);
    await clock.sleep(POLL_MS);
  }
}

function notBooted(console: string, hasEnded: boolean, type: DomainType): AppError {
  return new AppError(
    'machine_image_failed',
    `the template of virtual machines ${hasEnded ? 'has ended' : 'did not become ready'} (${type}); its console said: ${lastLines(console)}`,
    {
      hint: 'The image must boot by BIOS, have systemd, SSH and cloud-init, and use its first serial port as a console.',
    },
  );
}

/** The saved state must not have it, or each machine would begin with it. */
async function detachSeed(
  name: string,
  seed: string,
  folder: string,
  virsh: Virsh,
  clock: Pick<Clock, 'now' | 'sleep'>,
): Promise<void> {
  const xml = join(folder, 'seed.xml');
  await writeFile(xml, seedXml(seed));
  await virsh.run(['detach-device', name, xml, '--live', '--config']);
  const deadline = clock.now() + DETACH_MS;
  while ((await virsh.run(['domblklist', name])).includes(seed)) {
    if (clock.now() > deadline)
      throw new AppError(
        'machine_image_failed',
        'the template of virtual machines does not let go of its disk',
        {
          hint: 'The image must support hot-plug of PCI devices.',
        },
      );
    await clock.sleep(POLL_MS);
  }
}

function keyOf({ image, cpus, memoryMiB, acceleration }: TemplateWanted, qemu: string): string {
  const parts = [VERSION, qemu, image.key, cpus, memoryMiB, acceleration, templateFiles('').get('user-data')];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}
