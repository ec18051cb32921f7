import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient } from '../../../src/api/client.ts';
import { createHttpSend } from '../../../src/api/http-send.ts';
import type { LoadBalancer } from '../../../src/api/load-balancer.ts';
import type { Machine } from '../../../src/api/machines.ts';
import type { Page, Vpc } from '../../../src/api/resources.ts';
import { shortName } from '../../../src/machines/network/links.ts';
import type { LibvirtOptions } from '../../../src/server/machines/made/drivers.ts';
import { runServer } from '../../../src/server/main.ts';
import { waitFor } from '../wait.ts';
import { networks, sweep } from './host-state.ts';
import { MADE_IMAGES, waitForImages } from './images.ts';
import { type VpcHost, startVpcHost } from './vpc-host.ts';
import { roomyFolder } from './world.ts';

const MADE: ReadonlySet<string> = new Set(['container', 'libvirt']);
const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';

/** A control plane that makes machines on this host. */
export interface MadePlane {
  dataDir: string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
  put(path: string, body: object): Promise<unknown>;
  patch(path: string, body: object): Promise<unknown>;
  remove(path: string): Promise<unknown>;
  status(loadBalancer: string): Promise<LoadBalancer['status']>;
  /** The machines that it has made. */
  machines(): Promise<Machine[]>;
  /** Name of the network namespace of a machine that it has made. */
  namespaceOf(machineId: string): string;
  /** Makes a VPC, waits for its network, and plugs a host into it whose server says the text. */
  createVpc(name: string, spec: object, host: { address: string; text: string }): Promise<MadeVpc>;
  close(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes all it has made. */
  stop(): Promise<void>;
}

export interface MadeVpc {
  /** Name of its network namespace. */
  namespace: string;
  web: VpcHost;
  /** Plugs another host into it. */
  plug(address: string, text: string): Promise<VpcHost>;
}

/** @param libvirt where it makes virtual machines; without, the host's own libvirt is left alone */
export async function startMadePlane(libvirt?: LibvirtOptions): Promise<MadePlane> {
  await waitForImages();
  const directory = await mkdtemp(join(await roomyFolder(), 'am-'));
  const dataDir = join(directory, 'data');
  const hosts: VpcHost[] = [];
  let plane: Awaited<ReturnType<typeof runServer>>;
  let client: ApiClient;
  const start = async () => {
    plane = await runServer({
      dataDir,
      listen: '127.0.0.1:0',
      addressPool: '127.80.0.0/24',
      adminKey: KEY,
      imageFolder: MADE_IMAGES,
      libvirt,
    });
    client = new ApiClient({ url: plane.url, key: KEY, send: createHttpSend({}) });
  };
  await start();
  const get = async <T>(path: string) => (await client.request<T>({ method: 'GET', path })).body;
  const post = async <T>(path: string, body: object) =>
    (await client.request<T>({ method: 'POST', path, body })).body;
  return {
    dataDir,
    get,
    post,
    put: (path, body) => client.request({ method: 'PUT', path, body }),
    patch: (path, body) => client.request({ method: 'PATCH', path, body }),
    remove: (path) => client.request({ method: 'DELETE', path }),
    status: async (name) => (await get<LoadBalancer>(`/v1/load-balancers/${name}`)).status,
    machines: async () =>
      (await get<Page<Machine>>('/v1/machines')).items.filter(({ driver }) => MADE.has(driver)),
    namespaceOf: (id) => shortName('am-m-', join(dataDir, 'machines', id)),
    async createVpc(name, spec, { address, text }) {
      const { network } = (await post<Vpc>('/v1/vpcs', { name, spec })).status;
      const namespace = network?.namespace ?? undefined;
      if (!network || namespace === undefined) throw new Error(`VPC ${name} has no network of its own`);
      await waitFor(`the network of ${name}`, async () =>
        (await networks()).includes(`namespace ${namespace}`),
      );
      const plug = async (at: string, says: string) => {
        const plugged = await startVpcHost(network, at, says);
        hosts.push(plugged);
        return plugged;
      };
      return { namespace, web: await plug(address, text), plug };
    },
    close: () => plane.close(),
    start,
    async stop() {
      await plane.close();
      for (const host of hosts) await host.stop();
      await sweep(dataDir);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
