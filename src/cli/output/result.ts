import type { LoadBalancer } from '../../api/load-balancer.ts';
import { printable } from './style.ts';

/** What a write says at its end: the load balancer and where it is reached. */
export function renderResult({ name, id, revision, status }: LoadBalancer, done: string): string {
  const first =
    done === 'created'
      ? `Load balancer ${name} created (${id})`
      : `Load balancer ${name} ${done}, revision ${revision}`;
  const addresses = status.addresses.map((address) => `Address: ${address}`);
  const certificates = status.certificates.map(
    ({ domain, state, reason }) => `Certificate: ${domain} ${state}${reason ? `: ${reason}` : ''}`,
  );
  return [first, ...addresses, ...certificates].map((line) => `${printable(line)}\n`).join('');
}

/** The command to type next. */
export function nextStep(lb: LoadBalancer): string {
  if (lb.spec.backends.length === 0) {
    const check = lb.spec.type === 'http' ? 'http:/health:5s' : 'tcp:5s';
    return `agentmetal lb backend add ${lb.name} --target HOST:PORT --health-check "${check}"`;
  }
  const place = clientPlace(lb);
  if (place === undefined || lb.spec.type === 'tcp') return `agentmetal lb health ${lb.name}`;
  return `curl http://${place}/`;
}

/** Address and port for clients: what a node really listens on, because the port may be shifted there. */
function clientPlace({ status }: LoadBalancer): string | undefined {
  const listener = status.nodes.flatMap(({ listeners }) => listeners).find((text) => !text.endsWith(':443'));
  return (listener ?? status.addresses[0])?.replace(/:80$/, '');
}
