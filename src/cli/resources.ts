import { type ApiClient, apiPath } from '../api/client.ts';
import type { DnsZone } from '../api/dns-zones.ts';
import type { LoadBalancer, Revision } from '../api/load-balancer.ts';
import type { Machine } from '../api/machines.ts';
import type { Key, Page, Vpc } from '../api/resources.ts';
import { AppError } from '../base/errors.ts';

export const LOAD_BALANCERS = '/v1/load-balancers';
export const VPCS = '/v1/vpcs';
export const KEYS = '/v1/keys';
export const DNS_ZONES = '/v1/dns-zones';
export const MACHINES = '/v1/machines';

/** The load balancer of that name or id. */
export async function getLoadBalancer(api: ApiClient, name: string): Promise<LoadBalancer> {
  return (await api.request<LoadBalancer>({ method: 'GET', path: apiPath`/v1/load-balancers/${name}` })).body;
}

/** The same, or `undefined` when there is none. */
export async function findLoadBalancer(api: ApiClient, name: string): Promise<LoadBalancer | undefined> {
  try {
    return await getLoadBalancer(api, name);
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined;
    throw error;
  }
}

export async function getRevision(api: ApiClient, name: string, number: number): Promise<Revision> {
  const path = apiPath`/v1/load-balancers/${name}/revisions/${String(number)}`;
  return (await api.request<Revision>({ method: 'GET', path })).body;
}

export async function getVpc(api: ApiClient, name: string): Promise<Vpc> {
  return (await api.request<Vpc>({ method: 'GET', path: apiPath`/v1/vpcs/${name}` })).body;
}

export async function getDnsZone(api: ApiClient, name: string): Promise<DnsZone> {
  return (await api.request<DnsZone>({ method: 'GET', path: apiPath`/v1/dns-zones/${name}` })).body;
}

export async function getMachine(api: ApiClient, name: string): Promise<Machine> {
  return (await api.request<Machine>({ method: 'GET', path: apiPath`/v1/machines/${name}` })).body;
}

export const listLoadBalancers = (api: ApiClient, selector?: string) =>
  listAll<LoadBalancer>(api, LOAD_BALANCERS, { labelSelector: selector });
export const listVpcs = (api: ApiClient, selector?: string) =>
  listAll<Vpc>(api, VPCS, { labelSelector: selector });
export const listDnsZones = (api: ApiClient, selector?: string) =>
  listAll<DnsZone>(api, DNS_ZONES, { labelSelector: selector });
export const listKeys = (api: ApiClient) => listAll<Key>(api, KEYS);
export const listMachines = (api: ApiClient, selector?: string) =>
  listAll<Machine>(api, MACHINES, { labelSelector: selector });
export const listRevisions = (api: ApiClient, name: string) =>
  listAll<Revision>(api, apiPath`/v1/load-balancers/${name}/revisions`);

/** Every item of a list, page by page. */
async function listAll<T>(
  api: ApiClient,
  path: string,
  query: Record<string, string | undefined> = {},
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await api.request<Page<T>>({ method: 'GET', path, query: { ...query, cursor } });
    items.push(...body.items);
    cursor = body.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}
