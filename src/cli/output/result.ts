import type { LoadBalancer } from '../../api/load-balancer.ts';
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
  const [first] = spec.backends;
  if (!first) {
    const check = spec.type === 'http' ? 'http:/health:5s' : 'tcp:5s';
    return `agentmetal lb backend add ${name} --target HOST:PORT --health-check "${check}"`;
  }
  if (takesNoTraffic(lb)) {
    const drained = spec.backends.find(({ drain, weight }) => drain && weight > 0);
    if (drained) return `agentmetal lb backend enable ${name} ${drained.target}`;
    return `agentmetal lb backend set ${name} ${first.target} --weight 1${first.drain ? ' --no-drain' : ''}`;
  }
  const place = clientPlace(lb);
  if (place === undefined || spec.type === 'tcp') return `agentmetal lb health ${name}`;
  return `curl http://${place}/`;
}

/** True when there are backends, and none of them is to have new clients. */
export function takesNoTraffic({ spec }: Pick<LoadBalancer, 'spec'>): boolean {
  return spec.backends.length > 0 && spec.backends.every(({ drain, weight }) => drain || weight === 0);
}
