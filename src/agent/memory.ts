import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredLoadBalancer, DesiredPatch } from '../api/agent.ts';
import type { Logger } from '../base/logger.ts';
import { completeStoredSpec } from '../spec/stored.ts';
import { appendDurably, readTextIfExists, writeFileAtomic } from '../host/files.ts';
import { patchedOrder } from './patched-order.ts';

/** What the agent remembers on its own disk, so that it serves and heals without a control plane. */
export interface Memory {
  load(): Promise<Remembered>;
  saveControlPlane(id: string): Promise<void>;
  /** @param order what the control plane told, from which `desired` was made; by itself where it is the whole. */
  saveDesired(desired: DesiredLoadBalancer, order?: DesiredLoadBalancer | DesiredPatch): Promise<void>;
  saveObserved(id: string, revision: number): Promise<void>;
  forget(id: string): Promise<void>;
}

export interface Remembered {
  controlPlaneId: string | undefined;
  loadBalancers: { desired: DesiredLoadBalancer; observedRevision: number }[];
}

/** What lies on the disk of one load balancer's orders. */
interface Kept {
  /** Characters of the whole order, and of the patches behind it. */
  whole: number;
  patches: number;
  /** The tag that the next patch must begin with. */
  tag: string | undefined;
}

export function createMemory(dataDir: string, logger: Logger): Memory {
  const directory = join(dataDir, 'wanted');
  const controlPlaneFile = join(dataDir, 'control-plane-id');
  const last = new Map<string, Promise<void>>();
  /** Of those that this process has written as a whole: only behind these it may put patches. */
  const kept = new Map<string, Kept>();
  /** Writes of one load balancer follow one another, so that the newest is the one that stays. */
  const inOrder = (id: string, write: () => Promise<void>): Promise<void> => {
    const done = (last.get(id) ?? Promise.resolve()).then(write, write);
    last.set(id, done);
    return done;
  };
  const file = (id: string, kind: 'json' | 'patches' | 'observed') => join(directory, `${id}.${kind}`);

  const saveWhole = async (desired: DesiredLoadBalancer) => {
    const text = JSON.stringify(desired);
    kept.delete(desired.id);
    await writeFileAtomic(file(desired.id, 'json'), text);
    await rm(file(desired.id, 'patches'), { force: true });
    kept.set(desired.id, { whole: text.length, patches: 0, tag: desired.tag });
  };
  /** Puts what differs behind the whole order, while it is the shorter of the two. */
  const savePatch = async (desired: DesiredLoadBalancer, order: DesiredPatch) => {
    const line = `${JSON.stringify(order)}\n`;
    const present = kept.get(order.id);
    if (!present || present.tag !== order.base || present.patches + line.length > present.whole)
      return saveWhole(desired);
    kept.delete(order.id);
    await appendDurably(file(order.id, 'patches'), line);
    kept.set(order.id, { ...present, patches: present.patches + line.length, tag: order.tag });
  };

  return {
    async load() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
      const loaded = await Promise.all(names.map((name) => loadOne(directory, name, logger)));
      const controlPlaneId = (await readTextIfExists(controlPlaneFile))?.trim();
      return { controlPlaneId, loadBalancers: loaded.filter((entry) => entry !== undefined) };
    },
    saveControlPlane: (id) => writeFileAtomic(controlPlaneFile, `${id}\n`),
    saveDesired: (desired, order = desired) =>
      inOrder(desired.id, () => ('patches' in order ? savePatch(desired, order) : saveWhole(desired))),
    saveObserved: (id, revision) =>
      inOrder(id, () => writeFileAtomic(file(id, 'observed'), `${revision}\n`, { durable: false })),
    forget: (id) =>
      inOrder(id, async () => {
        kept.delete(id);
        // The patches go first: without the whole order they are nothing.
        for (const kind of ['patches', 'json', 'observed'] as const)
          await rm(file(id, kind), { force: true });
      }),
  };
}

async function loadOne(
  directory: string,
  name: string,
  logger: Logger,
): Promise<Remembered['loadBalancers'][number] | undefined> {
  const text = await readTextIfExists(join(directory, name));
  try {
    const whole = JSON.parse(text ?? '') as DesiredLoadBalancer;
    const lines = await readTextIfExists(join(directory, name.replace(/\.json$/, '.patches')));
    const remembered = withPatches(whole, lines ?? '');
    // An earlier version may have written it, without the fields that came later.
    const desired = { ...remembered, spec: completeStoredSpec(remembered.spec) };
    const observed = await readTextIfExists(join(directory, `${desired.id}.observed`));
    return { desired, observedRevision: Number(observed ?? 0) };
  } catch (error) {
    // The control plane has it still and tells it again; one bad file must not keep the others from being served.
    logger.error({ file: name, error }, 'a remembered load balancer cannot be read');
    return undefined;
  }
}

/** The order with all patches that begin where it ends; a crash may have left others, or half of the last one. */
function withPatches(whole: DesiredLoadBalancer, lines: string): DesiredLoadBalancer {
  let order = whole;
  for (const line of lines.split('\n')) {
    const patch = readPatch(line);
    if (patch) order = patchedOrder(order, patch) ?? order;
  }
  return order;
}

function readPatch(line: string): DesiredPatch | undefined {
  try {
    return JSON.parse(line) as DesiredPatch;
  } catch {
    // Written in half when the power went, or the nothing behind the last line: the control plane tells it again.
    return undefined;
  }
}
