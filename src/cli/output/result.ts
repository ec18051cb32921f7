import type { LoadBalancer } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import { DEFAULT_POOL, allBackends, poolsOf, poolsOfRoute } from '../../spec/pools-of.ts';
import { poolFlag } from '../pools.ts';
import { addressTexts, clientPlace } from './addresses.ts';
import { printable } from './style.ts';

/** What a write says at its end: the load balancer and where it is reached. */
export function renderResult(lb: LoadBalancer, { done, live }: { done: string; live: boolean }): string {
  const { name, id, revision, status } = lb;
  const what = done === 'created' ? `created (${id})` : `${done}, revision ${revision}`;
  const first = `Load balancer ${name} ${what}${live ? '' : ', but not live'}`;
  const addresses = addressTexts(lb).map((address) => `Address: ${address}`);
  const certificates = status.certificates.map(
    ({ domain, state, reason }) => `Certificate: ${domain} ${state}${reason ? `: ${reason}` : ''}`,
  );
  return [first, ...addresses, ...certificates].map((line) => `${printable(line)}\n`).join('');
}

/** The command to type next. */
export function nextStep(lb: LoadBalancer): string {
  const { name, spec } = lb;
  const members = allBackends(spec);
  const [first] = members;
  if (!first) {
    const check = spec.type === 'http' ? 'http:/health:5s' : 'tcp:5s';
    return `agentmetal lb backend add ${name} --target HOST:PORT --health-check "${check}"`;
  }
  const [idle] = idlePools(lb);
  if (idle !== undefined) {
    const waiting = members.filter(({ pool }) => pool === idle);
    const drained = waiting.find(({ backend: { drain, weight } }) => drain && weight > 0);
    const { backend, pool } = drained ?? waiting[0] ?? first;
    const words = `${name} ${backend.target}${poolFlag(pool)}`;
    if (drained) return `agentmetal lb backend enable ${words}`;
    return `agentmetal lb backend set ${words} --weight 1${backend.drain ? ' --no-drain' : ''}`;
  }
  const place = clientPlace(lb);
  if (place === undefined || spec.type === 'tcp') return `agentmetal lb health ${name}`;
  return `curl http://${place}/`;
}

/** The pools that have backends of which none is to have new clients, though clients reach the pool. */
export function idlePools({ spec }: Pick<LoadBalancer, 'spec'>): string[] {
  const reached = new Set([DEFAULT_POOL, ...spec.routes.flatMap(poolsOfRoute)]);
  return poolsOf(spec)
    .filter(([name, { backends }]) => reached.has(name) && backends.length > 0 && backends.every(isIdle))
    .map(([name]) => name);
}

function isIdle({ drain, weight }: Backend): boolean {
  return drain || weight === 0;
}
