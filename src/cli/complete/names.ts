import type { Completes } from '../command.ts';
import { readContextFile } from '../context.ts';
import {
  getLoadBalancer,
  listDnsZones,
  listKeys,
  listLoadBalancers,
  listMachines,
  listVpcs,
} from '../resources.ts';
import type { LoadBalancer } from '../../api/load-balancer.ts';
import { allBackends, poolsOf } from '../../spec/pools-of.ts';
import type { CliContext } from '../session.ts';

/** A shell that hangs on Tab is worse than one that offers nothing. */
const PATIENCE_MS = 1000;

/** Names of things, for the shell; none when the control plane is away or refuses. */
export async function resourceNames(
  what: Completes,
  place: { session: CliContext; words: readonly string[] },
): Promise<string[]> {
  if (what === 'file') return [];
  const late = new Promise<string[]>((resolve) => {
    setTimeout(() => resolve([]), PATIENCE_MS).unref();
  });
  try {
    return await Promise.race([lookUp(what, place), late]);
  } catch {
    // There is nobody to tell on a completion line: the command itself will say what is wrong.
    return [];
  }
}

async function lookUp(
  what: Exclude<Completes, 'file'>,
  { session, words }: { session: CliContext; words: readonly string[] },
): Promise<string[]> {
  if (what === 'context') return Object.keys((await readContextFile(session.io.env)).contexts);
  const api = await session.api();
  if (what === 'backend' || what === 'pool' || what === 'route')
    return partNames(await getLoadBalancer(api, words[0] ?? ''), what);
  const lists = {
    'load-balancer': listLoadBalancers,
    vpc: listVpcs,
    'dns-zone': listDnsZones,
    key: listKeys,
    machine: listMachines,
  };
  return (await lists[what](api)).map(({ name }) => name);
}

/** The backends, pools or routes of a load balancer. */
function partNames({ spec }: LoadBalancer, what: 'backend' | 'pool' | 'route'): string[] {
  if (what === 'pool') return poolsOf(spec).map(([name]) => name);
  if (what === 'route') return spec.routes.map(({ name }) => name);
  return [...new Set(allBackends(spec).map(({ backend }) => backend.target))];
}
