import type { LoadBalancer } from '../../api/load-balancer.ts';
import { AppError } from '../../base/errors.ts';
import { certificateReportsOf, certificatesOf } from '../../store/certificates.ts';
import { dnsRecordsOf } from '../../store/dns-records.ts';
import { listDnsZones } from '../../store/dns-zones.ts';
import { guardsOf } from '../../store/guards.ts';
import { type LoadBalancerRecord, findLoadBalancer, loadBalancerNames } from '../../store/load-balancers.ts';
import { listMachines } from '../../store/machines.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { nodesOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { listReplacements } from '../../store/replacements.ts';
import { receiptsOf } from '../../store/revisions.ts';
import { dnsDomains } from '../../spec/dns.ts';
import { addressLackOf, lackOf } from '../placement/lack.ts';
import type { LostMachine, Observation } from '../status/observation.ts';
import { loadBalancerStatus } from '../status/status.ts';
import { shorten } from '../../spec/field-errors.ts';

/** The load balancer of that name or id, or the error that says what there is. */
export async function requireLoadBalancer(tx: Tx, nameOrId: string): Promise<LoadBalancerRecord> {
  const record = await findLoadBalancer(tx, nameOrId);
  if (record) return record;
  const names = await loadBalancerNames(tx);
  throw new AppError('not_found', `there is no load balancer ${shorten(nameOrId)}`, {
    hint:
      names.length > 0
        ? `There are: ${names.join(', ')}. List them with \`agentmetal lb list\`.`
        : 'Create one with `agentmetal lb create --name NAME --type http`.',
  });
}

/** Collects what the status of some load balancers is computed from. */
export async function observe(
  tx: Tx,
  records: readonly LoadBalancerRecord[],
  now: number,
): Promise<Observation[]> {
  const machines = new Map((await listMachines(tx)).map((machine) => [machine.id, machine]));
  const hosts = new Map((await listMachineHosts(tx)).map((host) => [host.machineId, host]));
  const nodes = await nodesOf(
    tx,
    records.map(({ id }) => id),
  );
  const ids = records.map(({ id }) => id);
  const uploads = Map.groupBy(await certificatesOf(tx, ids), ({ loadBalancerId }) => loadBalancerId);
  const reports = Map.groupBy(await certificateReportsOf(tx, ids), ({ loadBalancerId }) => loadBalancerId);
  const withDomains = records.filter(({ spec }) => dnsDomains(spec).length > 0).map(({ id }) => id);
  const dns = Map.groupBy(await dnsRecordsOf(tx, withDomains), ({ loadBalancerId }) => loadBalancerId);
  const zones = dns.size > 0 ? await listDnsZones(tx) : [];
  const zoneNames = new Map(zones.map(({ id, name }) => [id, name]));
  const replacements = Map.groupBy(await listReplacements(tx, ids), ({ loadBalancerId }) => loadBalancerId);
  const observations: Observation[] = [];
  for (const record of records) {
    const receipts =
      (await receiptsOf(tx, record.id, record.revision, record.revision)).get(record.revision) ?? [];
    const observed = nodes
      .filter((node) => node.loadBalancerId === record.id)
      .flatMap((node) => {
        const machine = machines.get(node.machineId);
        if (!machine) return [];
        const receipt = receipts.find(({ machine: name }) => name === machine.name);
        return [{ node, machine, host: hosts.get(machine.id), receipt }];
      });
    const guards = await guardsOf(tx, record.id, record.revision - 1, record.revision);
    const certificates = { uploads: uploads.get(record.id) ?? [], reports: reports.get(record.id) ?? [] };
    const rows = dns.get(record.id);
    const lost = (replacements.get(record.id) ?? []).map((row): LostMachine => ({
      row,
      machine: machines.get(row.machineId)?.name ?? row.machineId,
      replacedBy: machines.get(row.replacedBy ?? '')?.name,
    }));
    observations.push({
      record,
      nodes: observed,
      guards: [...guards.values()],
      certificates,
      ...(rows ? { dns: rows, zoneNames } : {}),
      ...(lost.length > 0 ? { lost } : {}),
      ...(await lackOf(tx, record, { nodes: observed, machines, hosts, now })),
      ...(await addressLackOf(tx, record)),
      now,
    });
  }
  return observations;
}

export async function observeOne(tx: Tx, record: LoadBalancerRecord, now: number): Promise<Observation> {
  const [observation] = await observe(tx, [record], now);
  return observation ?? { record, nodes: [], now };
}

/** The resource as the API answers it. */
export function loadBalancerView(observation: Observation): LoadBalancer {
  const { id, name, labels, spec, revision, createdAt, updatedAt } = observation.record;
  return { id, name, labels, spec, status: loadBalancerStatus(observation), revision, createdAt, updatedAt };
}
