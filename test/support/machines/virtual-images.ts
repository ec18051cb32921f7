import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTextIfExists, writeFileAtomic } from '../../../src/host/files.ts';
import { createLibvirtDriver } from '../../../src/machines/libvirt/driver.ts';
import type { Template } from '../../../src/machines/libvirt/template.ts';
import type { MadeWanted } from '../../../src/machines/made/driver.ts';
import { openGround } from '../../../src/machines/made/ground.ts';
import { VirtualMachineSize } from '../../../src/spec/vpc-driver.ts';
import { waitFor } from '../wait.ts';
import { run } from '../command.ts';
import { CACHE, isPreparing } from './images.ts';
import { startLibvirt, whyNoVirtualMachines } from './libvirtd.ts';

/** Disks and templates of virtual machines, as the product makes them, are kept like images of containers. */
export const VIRTUAL_IMAGES = join(CACHE, 'virtual');

/** What the tests' virtual machines are, all of one template. */
export const VIRTUAL_MACHINE = {
  release: 'trixie',
  virtualMachine: VirtualMachineSize.parse({ cpus: 1, memory: 1024, acceleration: 'auto' }),
} as const satisfies Partial<MadeWanted>;

/** Holds what the template was made by. */
const MARK = join(VIRTUAL_IMAGES, 'made-by');
const SOURCES = join(import.meta.dirname, '../../../src/machines');
const START_MS = 10_000;
/** Where there is no hardware for it, the template is booted in software beside everything else. */
const BUILD_MS = 20 * 60_000;

/** Waits for images that are just being built. */
export async function waitForVirtualImages(): Promise<void> {
  const wanted = await maker();
  const isDone = async () => (await readTextIfExists(MARK)) === wanted;
  await waitFor(
    'a template, or who makes it',
    async () => (await isDone()) || (await isPreparing()),
    START_MS,
  );
  await waitFor('the template', async () => (await isDone()) || !(await isPreparing()), BUILD_MS);
  if (await isDone()) return;
  throw new Error(
    'there is no template of virtual machines; where the Debian mirror is reached: sh scripts/with-node.sh node test/support/machines/prepare.ts',
  );
}

/**
 * Why it would take too long to make a machine ready and have it serve; undefined where the hardware boots them. In software an agent alone
 * takes minutes to be copied and to start.
 */
export async function whySlow(): Promise<string | undefined> {
  if (process.env['AGENTMETAL_TEST_VIRTUAL'] === 'all') return undefined;
  for (const entry of await readdir(VIRTUAL_IMAGES, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const text = await readTextIfExists(join(VIRTUAL_IMAGES, entry.name, 'template.json'));
    if (text !== undefined && (JSON.parse(text) as Pick<Template, 'hardware'>).hardware.type === 'kvm')
      return undefined;
  }
  return 'no hardware here boots virtual machines, and in software this takes ten minutes; AGENTMETAL_TEST_VIRTUAL=all has it run';
}

/** Builds what is missing. It needs the Debian mirror, which tests in a network of their own do not reach. */
export async function prepareVirtualImages(): Promise<void> {
  const reason = whyNoVirtualMachines();
  if (reason !== undefined) return void process.stderr.write(`test machines: ${reason}\n`);
  const started = Date.now();
  await mkdir(VIRTUAL_IMAGES, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(tmpdir(), 'am-'));
  const libvirt = await startLibvirt();
  try {
    const ground = await openGround(folder);
    const driver = createLibvirtDriver({ ground, uri: libvirt.uri, folder, imageFolder: VIRTUAL_IMAGES });
    const vpc = { id: 'none', bridge: null, address: '10.90.0.1/24' };
    const network = { vpc, address: '10.90.0.2/24', routes: [], public: null };
    const what = await driver.prepare({
      id: 'none',
      name: 'none',
      vpc: 'none',
      network,
      nameServers: [],
      ...VIRTUAL_MACHINE,
    });
    await writeFileAtomic(MARK, await maker(), { mode: 0o644 });
    const seconds = Math.round((Date.now() - started) / 1000);
    process.stderr.write(`test machines: the template (${what}) is ready after ${seconds} s\n`);
  } finally {
    await libvirt.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Tells one state of the sources, and of QEMU, from another. */
async function maker(): Promise<string> {
  const hash = createHash('sha256').update((await run('qemu-img', ['--version'], process.env)).stdout);
  for (const folder of ['debian', 'libvirt', 'libvirt/guest'])
    for (const name of (await readdir(join(SOURCES, folder)))
      .filter((each) => /(?<!\.test)\.ts$/.test(each))
      .toSorted())
      hash.update(await readFile(join(SOURCES, folder, name)));
  return hash.digest('hex');
}
