import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredLoadBalancer } from '../api/agent.ts';
import type { Logger } from '../base/logger.ts';
import { completeStoredSpec } from '../spec/stored.ts';
import { readTextIfExists, writeFileAtomic } from '../host/files.ts';

/** What the agent remembers on its own disk, so that it serves and heals without a control plane. */
export interface Memory {
  load(): Promise<Remembered>;
  saveControlPlane(id: string): Promise<void>;
  saveDesired(desired: DesiredLoadBalancer): Promise<void>;
  saveObserved(id: string, revision: number): Promise<void>;
  forget(id: string): Promise<void>;
}

export interface Remembered {
  controlPlaneId: string | undefined;
  loadBalancers: { desired: DesiredLoadBalancer; observedRevision: number }[];
}

export function createMemory(dataDir: string, logger: Logger): Memory {
  const directory = join(dataDir, 'wanted');
  const controlPlaneFile = join(dataDir, 'control-plane-id');
  const last = new Map<string, Promise<void>>();
  /** Writes of one load balancer follow one another, so that the newest is the one that stays. */
  const inOrder = (id: string, write: () => Promise<void>): Promise<void> => {
    const done = (last.get(id) ?? Promise.resolve()).then(write, write);
    last.set(id, done);
    return done;
  };
  const desiredFile = (id: string) => join(directory, `${id}.json`);
  const observedFile = (id: string) => join(directory, `${id}.observed`);
  return {
    async load() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
      const loaded = await Promise.all(names.map((name) => loadOne(directory, name, logger)));
      const controlPlaneId = (await readTextIfExists(controlPlaneFile))?.trim();
      return { controlPlaneId, loadBalancers: loaded.filter((entry) => entry !== undefined) };
    },
    saveControlPlane: (id) => writeFileAtomic(controlPlaneFile, `${id}\n`),
    saveDesired: (desired) =>
      inOrder(desired.id, () => writeFileAtomic(desiredFile(desired.id), JSON.stringify(desired))),
    saveObserved: (id, revision) =>
      inOrder(id, () => writeFileAtomic(observedFile(id), `${revision}\n`, { durable: false })),
    forget: (id) =>
      inOrder(id, async () => {
        await Promise.all([desiredFile(id), observedFile(id)].map((path) => rm(path, { force: true })));
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
    const remembered = JSON.parse(text ?? '') as DesiredLoadBalancer;
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
