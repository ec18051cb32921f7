import { dnsDomains } from '../../spec/dns.ts';
import { listVersions, loadBalancersById } from '../../store/load-balancers.ts';
import { listMachines } from '../../store/machines.ts';
import { listPlacements } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { type ServingMachine, clientAddresses } from '../placement/addresses.ts';
import type { DnsBalancer } from './desired.ts';

const READ_AT_ONCE = 200;

/** All load balancers as far as DNS goes, those without domains left out. */
export type ReadBalancers = (tx: Tx) => Promise<DnsBalancer[]>;

/** Reads the spec of a load balancer once for each of its revisions: of ten thousand few change between two looks. */
export function createBalancerReader(): ReadBalancers {
  const known = new Map<string, { revision: number; spec: DnsBalancer['spec'] }>();
  return async (tx) => {
    const versions = await listVersions(tx);
    const stale = versions.filter(({ id, revision }) => known.get(id)?.revision !== revision);
    for (let from = 0; from < stale.length; from += READ_AT_ONCE) {
      const ids = stale.slice(from, from + READ_AT_ONCE).map(({ id }) => id);
      for (const { id, revision, spec } of await loadBalancersById(tx, ids))
        known.set(id, { revision, spec: dnsPart(spec) });
    }
    const present = new Set(versions.map(({ id }) => id));
    for (const id of known.keys()) if (!present.has(id)) known.delete(id);
    const machinesOf = await placements(tx);
    return versions.flatMap((record) => {
      const { id } = record;
      const spec = known.get(id)?.spec;
      if (!spec || dnsDomains(spec).length === 0) return [];
      const addresses = (machinesOf.get(id) ?? []).flatMap((placed) => clientAddresses(record, placed));
      return [{ id, spec, addresses: [...new Set(addresses)] }];
    });
  };
}

/** Without the rest of the spec, which may be large. */
function dnsPart({ tls, dns }: DnsBalancer['spec']): DnsBalancer['spec'] {
  return { ...(tls ? { tls } : {}), ...(dns ? { dns } : {}) };
}

async function placements(tx: Tx): Promise<Map<string, ServingMachine[]>> {
  const machines = new Map((await listMachines(tx)).map((machine) => [machine.id, machine]));
  const hosts = new Map((await listMachineHosts(tx)).map((host) => [host.machineId, host]));
  const placed = new Map<string, ServingMachine[]>();
  for (const { loadBalancerId, machineId, leftOut } of await listPlacements(tx)) {
    const machine = machines.get(machineId);
    if (!machine) continue;
    const list = placed.get(loadBalancerId) ?? [];
    placed.set(loadBalancerId, [
      ...list,
      { machine, host: hosts.get(machineId), isLeftOut: leftOut !== null },
    ]);
  }
  return placed;
}
