import type { CertificateStatus } from '../../api/certificates.ts';
import type { BackendStatus, Condition } from '../../api/load-balancer.ts';
import { DEFAULT_POOL } from '../../spec/pools-of.ts';
import { backendText, inService, poolsFailingOpen, poolsWithoutService } from './backends.ts';
import { certificateConditions } from './certificates.ts';
import { dnsRecords } from './dns.ts';
import { guardConditions } from './guard.ts';
import { isConnected, unheldSince } from './nodes.ts';
import { lostNodes } from './lost.ts';
import { type Observation, type ObservedNode, nodeProgress } from './observation.ts';

export function conditionsOf(
  observation: Observation,
  backends: readonly BackendStatus[],
  certificates: readonly CertificateStatus[],
): Condition[] {
  return [
    applied(observation),
    ...placed(observation),
    ...addressed(observation),
    ...unheld(observation),
    ...leftOut(observation),
    ...lostNodes(observation),
    backendsHealthy(observation, backends),
    agentConnected(observation),
    ...certificateConditions(observation, certificates),
    ...maintenance(observation),
    ...failingOpen(observation, backends),
    ...guardConditions(observation),
    ...dnsRecords(observation),
  ];
}

function applied(observation: Observation): Condition {
  const { record, nodes } = observation;
  const type = 'Applied';
  const failed = nodes.find((observed) => nodeProgress(observation, observed) === 'error');
  if (failed) {
    const { error, restored } = failed.receipt ?? {};
    const kept = restored ? ' The state before it serves on.' : '';
    const hint = error?.hint ? ` ${error.hint}` : '';
    const message = `Revision ${record.revision} failed on machine ${failed.machine.name}: ${error?.detail ?? 'no reason was given'}.${kept}${hint}`;
    return {
      type,
      status: 'false',
      reason: 'Failed',
      message,
      since: failed.receipt?.startedAt ?? record.updatedAt,
    };
  }
  const pending = nodes.filter((observed) => nodeProgress(observation, observed) === 'pending');
  if (nodes.length === 0 || pending.length > 0) {
    const names = pending.map(({ machine }) => machine.name).join(', ');
    const message = names
      ? `Revision ${record.revision} is on its way to machine ${names}.`
      : noMachine(observation);
    return {
      type,
      status: 'unknown',
      reason: names ? 'Pending' : 'NoMachine',
      message,
      since: record.updatedAt,
    };
  }
  const since = latest(nodes.map(({ receipt }) => receipt?.startedAt ?? record.updatedAt));
  return {
    type,
    status: 'true',
    reason: 'Live',
    message: `Revision ${record.revision} is live on every node.`,
    since,
  };
}

function noMachine({ lack }: Observation): string {
  if (lack?.isMaking) return `VPC ${lack.vpc} makes the machine that will serve it.`;
  if (lack) return `No machine of VPC ${lack.vpc} is free to serve it.`;
  return 'There is no machine to serve it: start an agent with `agentmetal up`.';
}

/** Told while it has fewer machines than it should have. */
export function placed({ record, nodes, lack }: Observation): Condition[] {
  if (!lack) return [];
  const { vpc, others, isMaking, isComing } = lack;
  const having = nodes.filter(({ host }) => host !== undefined).length;
  const missing = record.spec.nodes - having;
  const has = having === 0 ? 'none' : `${having}`;
  if (isMaking || isComing) {
    const reason = isMaking ? 'MakingMachine' : 'AwaitingMachine';
    const coming = others.length === 0 ? 'they are about to be made' : others.join('; ');
    const message = `It should have ${record.spec.nodes === 1 ? 'a machine' : `${record.spec.nodes} machines`} of VPC ${vpc}${isMaking ? ', which makes them,' : ''} and has ${has}: ${coming}.${meanwhile(nodes)}`;
    return [{ type: 'Placed', status: 'false', reason, message, since: record.updatedAt }];
  }
  const seen = others.length === 0 ? 'it has no others' : others.join('; ');
  const message = `It should have ${record.spec.nodes} of the machines of VPC ${vpc} and has ${has}; ${missing === 1 ? 'one is' : `${missing} are`} missing, and none is free: ${seen}.${meanwhile(nodes)} Add one: \`agentmetal machine add ADDRESS --vpc ${vpc}\`.${orGoBack(record, nodes)}`;
  return [{ type: 'Placed', status: 'false', reason: 'NoFreeMachine', message, since: record.updatedAt }];
}

/** Told while the VPC has too few floating addresses for its nodes. */
function addressed({ record, addressLack }: Observation): Condition[] {
  if (!addressLack) return [];
  const { vpc, wanted } = addressLack;
  const having = record.floating.filter(({ freeAt }) => freeAt === null).length;
  const idle = having > 0 ? ' Nodes without one stand by.' : '';
  const message = `It should have ${wanted === 1 ? 'a floating address' : `${wanted} floating addresses`} of VPC ${vpc} and has ${having === 0 ? 'none' : having}: no other one is free.${idle} Give the VPC more, and name those that it has as well: \`agentmetal vpc update ${vpc} --floating CIDR\`.`;
  return [{ type: 'FloatingAddresses', status: 'false', reason: 'TooFew', message, since: record.updatedAt }];
}

/** Told while no node has a floating address, so that nobody serves. */
function unheld(observation: Observation): Condition[] {
  const since = unheldSince(observation);
  if (since === undefined) return [];
  const addresses = observation.record.floating.map(({ address }) => address).join(', ');
  const roles = observation.nodes.map(({ machine, node: { role } }) => {
    const why = role?.reason === undefined ? '' : ` (${role.reason})`;
    return `${machine.name}: ${role?.role ?? 'not told'}${why}`;
  });
  const message = `No node has taken ${addresses}, so that clients reach nobody there: ${roles.join('; ')}.`;
  return [{ type: 'AddressHeld', status: 'false', reason: 'NoNode', message, since }];
}

/** Told of nodes with an address of their own that clients are not sent to. */
function leftOut({ record, nodes }: Observation): Condition[] {
  if (record.floating.length > 0) return [];
  return nodes.flatMap(({ node, machine, host }): Condition[] => {
    const own = host?.publicAddress ?? host?.address;
    if (!node.leftOut || !own) return [];
    const { reason, since } = node.leftOut;
    const message = `Clients are not sent to ${own}, the address of machine ${machine.name}: ${reason}. The other nodes serve.`;
    return [{ type: 'NodeLeftOut', status: 'true', reason: 'NotServing', message, since }];
  });
}

/** Who serves until machines of the VPC do. */
function meanwhile(nodes: readonly ObservedNode[]): string {
  const shared = nodes.find(({ host }) => host === undefined);
  return shared ? ` Until then machine ${shared.machine.name} serves it, as before.` : '';
}

function orGoBack({ name, spec }: Observation['record'], nodes: readonly ObservedNode[]): string {
  const canStay = spec.nodes > 1 && nodes.length > 0 && nodes.every(({ host }) => host === undefined);
  return canStay ? ` Or have it stay there: \`agentmetal lb update ${name} --nodes 1\`.` : '';
}

function backendsHealthy({ record }: Observation, backends: readonly BackendStatus[]): Condition {
  const type = 'BackendsHealthy';
  const wanted = inService(record.spec, backends);
  const since = latest(wanted.map((backend) => backend.since));
  const faults = wanted.filter(({ state }) => state !== 'up');
  if (faults.length === 0) {
    const [lacking] = poolsWithoutService(record.spec);
    if (lacking) return noBackends(type, record, lacking);
    const message = wanted.length === 1 ? 'The backend is up.' : `All ${wanted.length} backends are up.`;
    return { type, status: 'true', reason: 'AllUp', message, since: since || record.updatedAt };
  }
  const shown = faults
    .slice(0, 5)
    .map((backend) => `${backendText(backend)} is ${backend.state} (${backend.reason})`);
  const more = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : '';
  const message = `${faults.length} of ${wanted.length} backends ${faults.length === 1 ? 'is' : 'are'} not up: ${shown.join('; ')}${more}.`;
  const checking = faults.every(({ state }) => state === 'checking');
  return {
    type,
    status: checking ? 'unknown' : 'false',
    reason: checking ? 'Checking' : 'NotAllUp',
    message,
    since,
  };
}

function noBackends(
  type: string,
  { name, updatedAt }: Observation['record'],
  pool: { name: string; isEmpty: boolean },
): Condition {
  const isDefault = pool.name === DEFAULT_POOL;
  const flag = isDefault ? '' : ` --pool ${pool.name}`;
  const none = isDefault
    ? 'There is no backend'
    : `The pool ${pool.name}, to which routes send, has no backend`;
  const every = isDefault ? 'Every backend' : `Every backend of the pool ${pool.name}`;
  return {
    type,
    status: 'unknown',
    reason: pool.isEmpty ? 'NoBackends' : 'NoneInService',
    message: pool.isEmpty
      ? `${none}: add one with \`agentmetal lb backend add ${name}${flag} --target HOST:PORT\`.`
      : `${every} is drained or has weight 0: clients get an error until one takes traffic again.`,
    since: updatedAt,
  };
}

/** Told while it is on alone, so that nobody looks for another reason. */
function maintenance({ record: { name, spec, updatedAt } }: Observation): Condition[] {
  if (!spec.maintenance?.enabled) return [];
  const what = spec.type === 'http' ? 'Clients get the maintenance page' : 'New connections are closed';
  const message = `${what} until it is turned off: \`agentmetal lb maintenance off ${name}\`.`;
  return [{ type: 'Maintenance', status: 'true', reason: 'On', message, since: updatedAt }];
}

/** Told while it is so: clients may get errors from backends that do not pass their checks. */
function failingOpen({ record }: Observation, backends: readonly BackendStatus[]): Condition[] {
  return poolsFailingOpen(record.spec, backends).map(({ name, since }) => ({
    type: 'FailOpen',
    status: 'true',
    reason: 'NoBackendHealthy',
    message: `No backend of the pool ${name} passes its check; as it fails open, requests go to all of them. \`agentmetal lb health ${record.name}\` says why.`,
    since,
  }));
}

function agentConnected({ record, nodes, now }: Observation): Condition {
  const type = 'AgentConnected';
  const gone = nodes.find(({ machine }) => !isConnected(machine, now));
  if (gone) {
    const { name, lastReportAt, createdAt } = gone.machine;
    const message = lastReportAt
      ? `The agent of machine ${name} last reported at ${lastReportAt}. What it serves goes on; changes wait. Start the agent there: \`agentmetal agent\`.`
      : `The agent of machine ${name} has never reported. Start it there: \`agentmetal agent\`.`;
    return { type, status: 'false', reason: 'Silent', message, since: lastReportAt ?? createdAt };
  }
  const refusing = nodes.find(({ machine }) => machine.fault !== null);
  if (refusing) {
    const { name, fault, lastReportAt, createdAt } = refusing.machine;
    const message = `The agent of machine ${name} does not follow this control plane: ${fault}.`;
    return { type, status: 'false', reason: 'Refusing', message, since: lastReportAt ?? createdAt };
  }
  if (nodes.length === 0) {
    return {
      type,
      status: 'unknown',
      reason: 'NoMachine',
      message: 'There is no machine yet.',
      since: record.createdAt,
    };
  }
  const since = latest(nodes.map(({ machine }) => machine.lastReportAt ?? machine.createdAt));
  return { type, status: 'true', reason: 'Reporting', message: 'The agent of every node reports.', since };
}

/** RFC 3339 times in UTC sort as text. */
function latest(times: readonly string[]): string {
  return times.reduce((left, right) => (left > right ? left : right), '');
}
