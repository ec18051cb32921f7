import { isDeepStrictEqual } from 'node:util';
import type { BackendResource, BackendStatus } from '../../api/load-balancer.ts';
import type { BackendAddition } from '../../api/contract/backends.ts';
import { AppError } from '../../base/errors.ts';
import { jsonPointer } from '../../base/pointer.ts';
import { Backend } from '../../spec/backend.ts';
import { shorten } from '../../spec/field-errors.ts';
import type { Pool } from '../../spec/pool.ts';
import { DEFAULT_POOL, allBackends, poolOf, poolPath, poolsOf } from '../../spec/pools-of.ts';
import { formatTarget, parseTarget } from '../../spec/target.ts';
import { parseWith } from '../../spec/validate.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { validationError } from '../http/read-request.ts';
import { mergePatch } from '../merge-patch.ts';
import { type BackendName, backendKey, statusesOf } from '../status/backends.ts';
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

/** A backend's place: the load balancer, one of its pools, and the target there. */
export interface Place {
  record: LoadBalancerRecord;
  pool: string;
}

/** The pool of that name, or the error that says which there are. */
export function requirePool({ record: { name, spec }, pool }: Place): Pool {
  const found = poolOf(spec, pool);
  if (found) return found;
  const known = poolsOf(spec).map(([each]) => each);
  throw new AppError('not_found', `${name} has no pool ${shorten(pool)}`, {
    hint: `Its pools are: ${listed(known)}. Make another: agentmetal lb pool create ${name} ${shorten(pool)}`,
  });
}

export function requireBackend(place: Place, target: string): Backend {
  const { record, pool } = place;
  const { backends } = requirePool(place);
  const backend = backends.find((candidate) => candidate.target === target);
  if (backend) return backend;
  const where = pool === DEFAULT_POOL ? record.name : `the pool ${pool} of ${record.name}`;
  throw new AppError('not_found', `${where} has no backend ${shorten(target, 300)}`, {
    hint: missingHint(place, target, backends),
  });
}

function missingHint({ record, pool }: Place, target: string, backends: readonly Backend[]): string {
  const elsewhere = allBackends(record.spec).filter(({ backend }) => backend.target === target);
  const pools = elsewhere.map((found) => found.pool);
  if (pools.length > 0) return `It is in the pool ${listed(pools)}: name it with ?pool=${pools[0] ?? ''}.`;
  if (backends.length > 0) return `Its backends are: ${listed(backends.map((backend) => backend.target))}.`;
  return `It has none: agentmetal lb backend add ${record.name}${poolFlag(pool)} --target ${target}`;
}

function listed(names: readonly string[]): string {
  return names.slice(0, 20).join(', ') + (names.length > 20 ? `, and ${names.length - 20} more` : '');
}

function poolFlag(pool: string): string {
  return pool === DEFAULT_POOL ? '' : ` --pool ${pool}`;
}

/** The backends of a pool after an addition; those that are there with the same settings stay as they are. */
export function addBackends(place: Place, { backends, single }: BackendAddition): Backend[] {
  const { name } = place.record;
  const before = requirePool(place).backends;
  const wanted = new Set(backends.map(({ target }) => target));
  const known = before.filter(({ target }) => wanted.has(target));
  const present = new Map(known.map((backend) => [backend.target, backend]));
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
      hint: `To change its settings: agentmetal lb backend set ${name} ${clash.target}${poolFlag(place.pool)} ${settingsFlags(clash)}`,
    });
  }
  return [...before, ...backends.filter(({ target }) => !present.has(target))];
}

/** The backends of a pool with one added or replaced. */
export function putBackend(place: Place, backend: Backend): Backend[] {
  const { backends } = requirePool(place);
  const index = backends.findIndex(({ target }) => target === backend.target);
  return index < 0 ? [...backends, backend] : backends.with(index, backend);
}

export function patchBackend(backend: Backend, patch: unknown): Backend {
  const { target, ...settings } = backend;
  const parsed = parseWith(Backend, { ...(mergePatch(settings, patch) as object), target });
  if (parsed.ok) return parsed.value;
  throw validationError(parsed.errors);
}

/** Points errors about the backends of a pool into a body that holds only some of them. */
export function locateBackends(
  pool: string,
  after: readonly Backend[],
  { backends, single }: BackendAddition,
): Locate {
  const list = jsonPointer([...poolPath(pool), 'backends']);
  return (error) => {
    if (error.pointer === list) return { ...error, pointer: '' };
    const isInside = error.pointer.startsWith(`${list}/`);
    const [position, ...rest] = isInside ? error.pointer.slice(list.length + 1).split('/') : [];
    const target = after[Number(position ?? Number.NaN)]?.target;
    const index = backends.findIndex((backend) => backend.target === target);
    if (index < 0) return error;
    return { ...error, pointer: [single ? '' : `/${index}`, ...rest].join('/') };
  };
}

/** The backends as resources of their own, in the order of the spec: those of all pools, or of one. */
export function backendViews(
  observation: Observation,
  onlyPool?: string,
  onlyTargets?: ReadonlySet<string>,
): BackendResource[] {
  const { record } = observation;
  if (onlyPool !== undefined) requirePool({ record, pool: onlyPool });
  const pools = poolsOf(record.spec).filter(([pool]) => onlyPool === undefined || pool === onlyPool);
  const wanted = pools.flatMap(([pool, { backends }]) =>
    (onlyTargets ? backends.filter(({ target }) => onlyTargets.has(target)) : backends).map((backend) => ({
      pool,
      backend,
    })),
  );
  const statuses = Map.groupBy(statusesOf(observation, wanted), backendKey);
  return wanted.map(({ pool, backend }) => {
    const name = { pool, target: backend.target };
    return {
      ...backend,
      pool,
      status: worst(statuses.get(backendKey(name)) ?? []) ?? unserved(record, name),
    };
  });
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

function unserved({ updatedAt }: LoadBalancerRecord, name: BackendName): BackendStatus {
  const reason = 'there is no machine to serve it yet';
  return { ...name, state: 'checking', reason, since: updatedAt, machine: '' };
}

function settingsFlags({ weight, backup, maxConnections, drain }: Backend): string {
  const flags = [`--weight ${weight}`];
  if (maxConnections > 0) flags.push(`--max-connections ${maxConnections}`);
  if (backup) flags.push('--backup');
  if (drain) flags.push('--drain');
  return flags.join(' ');
}
