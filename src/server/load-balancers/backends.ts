import { isDeepStrictEqual } from 'node:util';
import type { BackendResource, BackendStatus } from '../../api/load-balancer.ts';
import type { BackendAddition } from '../../api/contract/backends.ts';
import { AppError } from '../../base/errors.ts';
import { jsonPointer } from '../../base/pointer.ts';
import { Backend } from '../../spec/backend.ts';
import { MAX_BACKENDS } from '../../spec/pool.ts';
import { shorten } from '../../spec/field-errors.ts';
import { formatTarget, parseTarget } from '../../spec/target.ts';
import { parseWith } from '../../spec/validate.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { validationError } from '../http/read-request.ts';
import { mergePatch } from '../merge-patch.ts';
import { DEFAULT_POOL, backendStatuses } from '../status/backends.ts';
import type { Observation } from '../status/observation.ts';
import type { Locate } from './rules.ts';

/** A target of a path in the form in which targets are stored. */
export function canonicalTarget(text: string): string {
  const target = parseTarget(text);
  if (target) return formatTarget(target);
  throw new AppError('not_found', `there is no backend ${shorten(text)}: a target is host:port`, {
    hint: 'Write it as host:port, 1.2.3.4:port or [v6]:port, URL-encoded.',
  });
}

export function requireBackend({ name, spec }: LoadBalancerRecord, target: string): Backend {
  const backend = spec.backends.find((candidate) => candidate.target === target);
  if (backend) return backend;
  const known = spec.backends.map((candidate) => candidate.target);
  const shown = known.slice(0, 20).join(', ') + (known.length > 20 ? `, and ${known.length - 20} more` : '');
  throw new AppError('not_found', `${name} has no backend ${shorten(target, 300)}`, {
    hint:
      known.length > 0
        ? `Its backends are: ${shown}.`
        : `It has none: agentmetal lb backend add ${name} --target ${target}`,
  });
}

/** The backends after an addition; those that are there with the same settings stay as they are. */
export function addBackends(
  { name, spec }: LoadBalancerRecord,
  { backends, single }: BackendAddition,
): Backend[] {
  const present = new Map(spec.backends.map((backend) => [backend.target, backend]));
  const clash = backends.find((backend) => {
    const known = present.get(backend.target);
    return known !== undefined && !isDeepStrictEqual(known, backend);
  });
  if (clash) {
    const index = backends.indexOf(clash);
    const pointer = jsonPointer([...(single ? [] : [index]), 'target']);
    const detail = `${clash.target} is a backend of ${name} already, with other settings`;
    throw new AppError('backend_exists', detail, {
      errors: [{ pointer, code: 'backend_exists', detail }],
      hint: `To change its settings: agentmetal lb backend set ${name} ${clash.target} ${settingsFlags(clash)}`,
    });
  }
  return withLimit([...spec.backends, ...backends.filter(({ target }) => !present.has(target))]);
}

/** The backends with one added or replaced. */
export function putBackend({ spec }: LoadBalancerRecord, backend: Backend): Backend[] {
  const index = spec.backends.findIndex(({ target }) => target === backend.target);
  return index < 0 ? withLimit([...spec.backends, backend]) : spec.backends.with(index, backend);
}

export function patchBackend(backend: Backend, patch: unknown): Backend {
  const { target, ...settings } = backend;
  const parsed = parseWith(Backend, { ...(mergePatch(settings, patch) as object), target });
  if (parsed.ok) return parsed.value;
  throw validationError(parsed.errors);
}

/** Points errors about the spec's backends into a body that holds only some of them. */
export function locateBackends(after: readonly Backend[], { backends, single }: BackendAddition): Locate {
  return (error) => {
    const position = Number(/^\/spec\/backends\/(\d+)\/target$/.exec(error.pointer)?.[1] ?? Number.NaN);
    const index = backends.findIndex(({ target }) => target === after[position]?.target);
    return index < 0 ? error : { ...error, pointer: jsonPointer([...(single ? [] : [index]), 'target']) };
  };
}

/** The backends as resources of their own, in the order of the spec. */
export function backendViews(observation: Observation): BackendResource[] {
  const statuses = Map.groupBy(backendStatuses(observation), ({ target }) => target);
  return observation.record.spec.backends.map((backend) => ({
    ...backend,
    pool: DEFAULT_POOL,
    status: worst(statuses.get(backend.target) ?? []) ?? unserved(observation.record, backend.target),
  }));
}

/** From good to bad. */
const SEVERITY: readonly BackendStatus['state'][] = [
  'up',
  'draining',
  'maintenance',
  'checking',
  'unresolved',
  'down',
];

function worst(statuses: readonly BackendStatus[]): BackendStatus | undefined {
  return statuses.toSorted((left, right) => SEVERITY.indexOf(right.state) - SEVERITY.indexOf(left.state))[0];
}

function unserved(record: LoadBalancerRecord, target: string): BackendStatus {
  const reason = 'there is no machine to serve it yet';
  return { target, pool: DEFAULT_POOL, state: 'checking', reason, since: record.updatedAt, machine: '' };
}

function withLimit(backends: Backend[]): Backend[] {
  if (backends.length <= MAX_BACKENDS) return backends;
  const detail = `a load balancer has at most ${MAX_BACKENDS} backends; this would make ${backends.length}`;
  throw validationError([{ pointer: '', code: 'too_big', detail }]);
}

function settingsFlags({ weight, backup, maxConnections, drain }: Backend): string {
  const flags = [`--weight ${weight}`];
  if (maxConnections > 0) flags.push(`--max-connections ${maxConnections}`);
  if (backup) flags.push('--backup');
  if (drain) flags.push('--drain');
  return flags.join(' ');
}
