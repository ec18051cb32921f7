import type { LoadBalancer } from '../../src/api/load-balancer.ts';
import type { LoadBalancerSpecInput } from '../../src/spec/load-balancer.ts';
import type { z } from 'zod';
import { type Product, type ProductOptions, startProduct } from '../../test/support/product.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { Scope } from './scope.ts';

export const HEALTH_CHECK = { type: 'http', path: '/health', interval: '5s' } as const;

type SpecInput = z.input<typeof LoadBalancerSpecInput>;

export function useProduct(scope: Scope, options: ProductOptions = {}): Promise<Product> {
  return scope.use(
    () => startProduct(options),
    (product) => product.stop(),
  );
}

/** Creates a load balancer and waits until it serves from all its backends. */
export async function createLoadBalancer(
  product: Product,
  name: string,
  spec: SpecInput,
): Promise<LoadBalancer> {
  await product.client.request({ method: 'POST', path: '/v1/load-balancers', body: { name, spec } });
  return waitUntilActive(product, name);
}

export function waitUntilActive(product: Product, name: string): Promise<LoadBalancer> {
  return waitFor(`${name} to be active`, async () => {
    const loadBalancer = await product.loadBalancer(name);
    const { state, observedRevision, backends } = loadBalancer.status;
    const isServing = state === 'active' && observedRevision === loadBalancer.revision;
    return isServing && backends.every((backend) => backend.state === 'up') && loadBalancer;
  });
}

export interface Endpoint {
  host: string;
  port: number;
  url: string;
}

/** Where clients reach it without TLS. */
export function endpointOf({ status }: LoadBalancer): Endpoint {
  const listener = status.nodes[0]?.listeners[0] ?? '';
  const at = listener.lastIndexOf(':');
  const [host, port] = [listener.slice(0, at), Number(listener.slice(at + 1))];
  return { host, port, url: `http://${host}:${port}/` };
}

export interface ProxyPids {
  master: number;
  worker: number;
}

export function proxyPidsOf({ name, status }: LoadBalancer): ProxyPids {
  const haproxy = status.nodes[0]?.haproxy;
  if (!haproxy) throw new Error(`${name} tells no HAProxy`);
  return { master: haproxy.pid, worker: haproxy.workerPid };
}
