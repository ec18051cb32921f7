import { randomBytes } from 'node:crypto';
import { chmod, constants, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf, systemCode } from '../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import type { Footing } from '../made/ground.ts';
import { type Nic, plugPort, portName, shortName } from '../network/links.ts';
import { type DomainSpec, SNAPSHOT, domainXml, interfaceXml, seedXml, snapshotXml } from './domain-xml.ts';
import { IDENTITY_LABEL, identityFiles } from './guest/identity.ts';
import { ensurePassable } from './folders.ts';
import { machineIdOf, macOf, uuidOf } from './ids.ts';
import { writeSeedDisk } from './seed-disk.ts';
import type { Template } from './template.ts';
import type { Virsh } from './virsh.ts';

export interface VirtualMachineOptions {
  /** Folder of this machine alone, in which QEMU must be let. */
  folder: string;
  /** Its host name. */
  name: string;
  footing: Pick<Footing, 'nics' | 'hosts' | 'hostKey' | 'authorizedKey'>;
  /** Addresses of the name servers that its programs ask. */
  nameServers: readonly string[];
}

/** A domain of libvirt with the networks of its VPC. */
export interface VirtualMachine {
  /** Name of the domain. */
  domain: string;
  /** Path of the file that its console writes to. */
  console: string;
  /** Begins anew from the saved state of the template: everything that it had is gone. */
  begin(template: Template): Promise<void>;
  /** Has it run as it was, and tells whether it did not. */
  keep(): Promise<boolean>;
  /** Ends it as a power cut would; `keep` brings it back. */
  crash(): Promise<void>;
}

/** Names of what a machine has in its folder. */
const FILES = { disk: 'disk.qcow2', seed: 'seed.iso', console: 'console.log', domain: 'domain.xml' } as const;
/** There as soon as it has once run. */
const BEGUN = 'begun';
const RANDOM_BYTES = 64;

export function domainName(name: string, folder: string): string {
  return shortName(`${name}-`, folder);
}

/** Whether a machine has once run, so that it is one to be kept. */
export async function hasBegun(folder: string): Promise<boolean> {
  return (await readTextIfExists(join(folder, BEGUN))) !== undefined;
}

export function virtualMachine(options: VirtualMachineOptions, virsh: Virsh): VirtualMachine {
  const { folder, name, footing } = options;
  const domain = domainName(name, folder);
  const path = (file: keyof typeof FILES) => join(folder, FILES[file]);
  const nics = footing.nics.map((nic) => ({
    ...nic,
    mac: macOf(folder, nic.name),
    tap: portName(folder, nic.name),
  }));

  const device = async (command: string, xml: string, ...flags: string[]) => {
    const file = join(folder, 'device.xml');
    await writeFile(file, xml);
    await virsh.run([command, domain, file, ...flags]);
  };
  const attach = async (...flags: string[]) => {
    await device('attach-device', seedXml(path('seed')), ...flags);
    for (const nic of nics) await device('attach-device', interfaceXml(nic), ...flags);
  };
  const resume = async () => {
    for (const nic of nics) await plugPort(nic.tap, nic);
    await virsh.run(['resume', domain]);
  };
  const startCold = async () => {
    await virsh.run(['start', domain, '--paused']);
    await resume();
  };

  /** Tells libvirt of the state that is saved in the disk, and goes on from there. */
  const startWarm = async (spec: DomainSpec, createdAt: Date) => {
    const file = join(folder, 'snapshot.xml');
    await writeFile(file, snapshotXml(spec, createdAt));
    await virsh.run(['snapshot-create', domain, file, '--redefine', '--current']);
    await virsh.run(['snapshot-revert', domain, SNAPSHOT, '--paused']);
    await virsh.run(['snapshot-delete', domain, SNAPSHOT]);
    await attach('--live', '--config');
    await resume();
  };

  return {
    domain,
    console: path('console'),
    async begin({ disk, hardware, createdAt }) {
      await clear(domain, folder, virsh);
      await ensurePassable(join(folder, '..'));
      await ensurePassable(folder);
      await copyDisk(disk, path('disk'));
      await writeFile(path('console'), '', { mode: 0o600 });
      await writeSeedDisk(path('seed'), IDENTITY_LABEL, await identityOf(options, nics));
      const spec = {
        ...hardware,
        name: domain,
        uuid: uuidOf(folder),
        title: name,
        disk: path('disk'),
        console: path('console'),
      };
      await writeFile(path('domain'), domainXml(spec));
      await virsh.run(['define', path('domain')]);
      try {
        await startWarm(spec, createdAt);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'machine_start_failed') throw error;
        // Without the saved state it takes as long as a boot, and comes to the same.
        await virsh.succeeds(['destroy', domain]);
        await virsh.succeeds(['snapshot-delete', domain, SNAPSHOT, '--metadata']);
        await virsh.run(['define', path('domain')]);
        await attach('--config');
        await startCold();
      }
      await writeFileAtomic(join(folder, BEGUN), '');
    },
    async keep() {
      const state = await virsh.state(domain);
      if (state === 'running') return false;
      if (state === 'disk-fault') await resumeFromDiskFault(name, folder, virsh, domain);
      else if (state === 'paused') await resume();
      else {
        if (state === undefined) {
          await virsh.run(['define', path('domain')]);
          await attach('--config');
        }
        await startCold();
      }
      return true;
    },
    async crash() {
      await virsh.succeeds(['destroy', domain]);
    },
  };
}

/** Ends a machine and removes all there is of it on this host; where nothing is there it does nothing. */
export async function removeVirtualMachine(name: string, folder: string, virsh: Virsh): Promise<void> {
  await clear(domainName(name, folder), folder, virsh);
}

async function clear(domain: string, folder: string, virsh: Virsh): Promise<void> {
  if ((await virsh.state(domain)) !== undefined) {
    await virsh.succeeds(['destroy', domain]);
    await virsh.run(['undefine', domain, '--snapshots-metadata']);
  }
  await rm(folder, { recursive: true, force: true });
}

async function identityOf(
  { name, footing, nameServers }: VirtualMachineOptions,
  nics: readonly (Nic & { mac: string })[],
): Promise<Map<string, string | Buffer>> {
  const random = randomBytes(RANDOM_BYTES);
  return identityFiles({
    id: randomBytes(16).toString('hex'),
    name,
    machineId: machineIdOf(footing.hostKey.public),
    hostKey: footing.hostKey,
    authorizedKey: footing.authorizedKey,
    nics,
    nameServers,
    hosts: await readFile(footing.hosts, 'utf8'),
    random,
  });
}

async function copyDisk(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await chmod(to, 0o600);
  } catch (error) {
    throw new AppError('machine_start_failed', `the disk ${to} could not be made: ${messageOf(error)}`, {
      hint:
        systemCode(error) === 'ENOSPC'
          ? 'Free some room on the control plane’s host.'
          : 'Look at the file system, and try again.',
      cause: error,
    });
  }
}

/** It goes on as if nothing had been, when there is room again, and stops again when there is none. */
async function resumeFromDiskFault(
  name: string,
  folder: string,
  virsh: Virsh,
  domain: string,
): Promise<void> {
  await virsh.run(['resume', domain]);
  if ((await virsh.state(domain)) === 'running') return;
  throw new AppError(
    'machine_start_failed',
    `the disk of machine ${name} cannot be written, so it stands still`,
    {
      hint: `Free some room on the control plane’s host, where ${folder} is; it then goes on.`,
    },
  );
}
