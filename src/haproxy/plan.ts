import { unshared } from '../base/unshared.ts';
import { diffValues } from '../spec/diff.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';
import type { ApplyPath, Plan, PlanStep } from '../spec/plan.ts';
import { listeners } from './config/frontend.ts';
import { renderFrame } from './config/render.ts';
import { type Server, serverKey, servers } from './config/server.ts';
import { type Lookup, lookupChanges, lookupsOf } from './config/lookups.ts';
import { coversHost, domainsOf } from '../spec/tls.ts';
import { certifiedHosts } from './config/certificates.ts';
import type { ServedCertificate, ServiceModel } from './model.ts';

/** What brings one HAProxy from one model to another: pure, the same on the control plane and on the node. */
export function planChange(from: ServiceModel | undefined, to: ServiceModel | undefined): Plan {
  if (!from) return to ? startPlan(to) : { path: 'none', steps: [] };
  if (!to) return stopPlan(from);
  const changes = serverChanges(servers(from), servers(to));
  const reasons = reloadReasons(from, to, changes);
  const how = reasons.length > 0 ? 'reload' : 'runtime';
  const steps = [
    ...changes.flatMap((change) => toSteps(change, how)),
    ...certificateSteps(from, to, how),
    ...lookupSteps(from, to, how),
  ];
  return reasons.length > 0
    ? { path: 'reload', steps: [...steps, reloadStep(reasons)] }
    : { path: pathOf(steps), steps };
}

function startPlan(model: ServiceModel): Plan {
  const ports = listeners(model.spec, model.layout).map(({ port }) => `${model.address}:${port}`);
  const where = ports.length > 4 ? `${ports.length} ports of ${model.address}` : ports.join(' and ');
  const count = servers(model).length;
  const detail = `starts HAProxy on ${where} with ${count} ${count === 1 ? 'backend' : 'backends'}`;
  return { path: 'start', steps: [{ action: 'start', how: 'start', detail }] };
}

function stopPlan(model: ServiceModel): Plan {
  const detail = `stops HAProxy of ${model.name}; its connections end`;
  return { path: 'stop', steps: [{ action: 'stop', how: 'stop', detail }] };
}

/** A difference between two sets of servers. */
export type ServerChange =
  | { kind: 'add'; server: Server }
  | { kind: 'remove'; server: Server }
  | { kind: 'change'; before: Server; after: Server };

/** Additions come first, so that a pool is never emptier than before or after the change. */
export function serverChanges(from: readonly Server[], to: readonly Server[]): ServerChange[] {
  const { before, after } = unshared(from, to);
  const old = new Map(before.map((server) => [serverKey(server), server]));
  const wanted = new Set(after.map(serverKey));
  const removals = before
    .filter((server) => !wanted.has(serverKey(server)))
    .map((server): ServerChange => ({ kind: 'remove', server }));
  const rest = after.flatMap((server): ServerChange[] => {
    const previous = old.get(serverKey(server));
    if (!previous) return [{ kind: 'add', server }];
    return differs(previous, server) ? [{ kind: 'change', before: previous, after: server }] : [];
  });
  return [...rest, ...removals];
}

function differs(before: Server, after: Server): boolean {
  const moved = before.address !== after.address;
  return (
    moved ||
    before.weight !== after.weight ||
    before.maxConnections !== after.maxConnections ||
    before.backup !== after.backup ||
    before.id !== after.id ||
    before.keywords !== after.keywords
  );
}

/** Whether the runtime API cannot make the change: a server keeps its id, and how it is spoken to and checked. */
export function needsReload(change: ServerChange): boolean {
  if (change.kind !== 'change') return false;
  const { before, after } = change;
  return before.backup !== after.backup || before.id !== after.id || before.keywords !== after.keywords;
}

function reloadReasons(from: ServiceModel, to: ServiceModel, changes: readonly ServerChange[]): string[] {
  const reasons = [...new Set(changes.flatMap(serverReloadReasons))];
  if (renderFrame(from).hash === renderFrame(to).hash) return reasons;
  const fields = diffValues(withoutBackends(from.spec), withoutBackends(to.spec)).map(({ pointer }) =>
    pointer.slice(1).replaceAll('/', '.'),
  );
  return fields.length > 0 ? fields : ['the layout of the configuration', ...reasons];
}

function withoutBackends(spec: LoadBalancerSpec): LoadBalancerSpec {
  const pools = Object.entries(spec.pools).map(([name, pool]) => [name, { ...pool, backends: [] }]);
  return { ...spec, backends: [], pools: Object.fromEntries(pools) };
}

function serverReloadReasons(change: ServerChange): string[] {
  if (change.kind !== 'change' || !needsReload(change)) return [];
  const { before, after } = change;
  if (before.backup !== after.backup) return [`backup of ${after.target}`];
  if (before.keywords !== after.keywords) return [`how ${after.target} is spoken to or checked`];
  return ['the order of the backends'];
}

/** Steps for certificates: what is ordered, and what is served. */
function certificateSteps(from: ServiceModel, to: ServiceModel, how: 'runtime' | 'reload'): PlanStep[] {
  const known = new Set(domainsOf(from.spec.tls));
  const ordered = domainsOf(to.spec.tls).filter(
    (domain) => !known.has(domain) && !certifiedHosts(to).some((name) => coversHost(name, domain)),
  );
  const before = new Map(from.certificates.map((certificate) => [certificate.name, certificate]));
  const after = new Set(to.certificates.map(({ name }) => name));
  return [
    ...(ordered.length > 0 ? [orderStep(ordered, how)] : []),
    ...to.certificates.flatMap((certificate): PlanStep[] => {
      const present = before.get(certificate.name);
      if (!present)
        return [
          { action: 'add-certificate', how, detail: `serves a certificate for ${namesText(certificate)}` },
        ];
      if (present.fingerprint === certificate.fingerprint) return [];
      const detail = `replaces the certificate for ${namesText(certificate)}; no handshake fails meanwhile`;
      return [{ action: 'replace-certificate', how, detail }];
    }),
    ...from.certificates
      .filter(({ name }) => !after.has(name))
      .map((certificate): PlanStep => {
        const detail = `serves the certificate for ${namesText(certificate)} no more`;
        return { action: 'remove-certificate', how, detail };
      }),
  ];
}

function orderStep(domains: readonly string[], how: 'runtime' | 'reload'): PlanStep {
  const detail = `has the CA asked for a certificate for ${listText(domains)}; until it is there, HTTPS answers with a placeholder`;
  return { action: 'order-certificate', how, detail };
}

function namesText({ hosts, name }: ServedCertificate): string {
  return hosts.length > 0 ? listText(hosts) : name;
}

function listText(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** Steps for what is looked up: one for each kind of change, naming what changes. */
function lookupSteps(from: ServiceModel, to: ServiceModel, how: 'runtime' | 'reload'): PlanStep[] {
  const before = new Map(lookupsOf(from).map((lookup) => [lookup.path, lookup]));
  return lookupsOf(to).flatMap((lookup): PlanStep[] => {
    const present = before.get(lookup.path);
    // What is new as a whole comes with the reload that makes it.
    if (!present || lookup.action === undefined) return [];
    const changes = lookupChanges(present.entries, lookup);
    return changes.length === 0
      ? []
      : [{ action: lookup.action, how, detail: lookupDetail(lookup, changes.length) }];
  });
}

function lookupDetail({ subject }: Lookup, count: number): string {
  return `changes ${subject} (${count} ${count === 1 ? 'entry' : 'entries'})`;
}

function reloadStep(reasons: readonly string[]): PlanStep {
  const detail = `reloads HAProxy for ${reasons.join(', ')}; open connections finish on the old worker, new ones go to the new`;
  return { action: 'reload', how: 'reload', detail };
}

function toSteps(change: ServerChange, how: 'runtime' | 'reload'): PlanStep[] {
  const server = change.kind === 'change' ? change.after : change.server;
  const base = { how, target: server.target, pool: server.pool };
  switch (change.kind) {
    case 'add':
      return [
        {
          action: 'add-backend',
          ...base,
          detail: `adds ${server.target}; it gets traffic after its first passed check`,
        },
      ];
    case 'remove':
      return [
        { action: 'remove-backend', ...base, detail: `removes ${server.target}; its requests finish first` },
      ];
    case 'change':
      return changeSteps(change.before, change.after).map((step) => ({ ...step, ...base }));
  }
}

type StepText = Pick<PlanStep, 'action' | 'detail'>;

function changeSteps(before: Server, after: Server): StepText[] {
  const { target } = after;
  const steps: StepText[] = [];
  if (before.address !== after.address) {
    const detail = `moves ${target} from ${before.address ?? 'no address'} to ${after.address ?? 'no address'}`;
    steps.push({ action: 'set-address', detail });
  }
  if (before.weight !== after.weight) steps.push(weightStep(before, after));
  if (before.maxConnections !== after.maxConnections) {
    const detail = `limits ${target} to ${after.maxConnections || 'any number of'} connections`;
    steps.push({ action: 'set-max-connections', detail });
  }
  if (before.keywords !== after.keywords)
    steps.push({ action: 'reload', detail: `changes how ${target} is spoken to or checked` });
  if (before.backup !== after.backup) {
    steps.push({
      action: 'reload',
      detail: `makes ${target} ${after.backup ? 'a backup' : 'a regular backend'}`,
    });
  }
  return steps;
}

function weightStep({ weight: before }: Server, { weight: after, target }: Server): StepText {
  if (after === 0)
    return { action: 'drain-backend', detail: `drains ${target}: no new clients, the present ones finish` };
  if (before === 0)
    return { action: 'enable-backend', detail: `gives ${target} new clients again, with weight ${after}` };
  return { action: 'set-weight', detail: `changes the weight of ${target} from ${before} to ${after}` };
}

function pathOf(steps: readonly PlanStep[]): ApplyPath {
  return steps.length > 0 ? 'runtime' : 'none';
}
