import { join } from 'node:path';
import { detectLayout } from '../../src/agent/layout.ts';
import type { GuardReport } from '../../src/api/agent.ts';
import { servicePaths } from '../../src/haproxy/config/paths.ts';
import type { TestBackend } from './backends.ts';
import { startLoad } from './load.ts';
import type { Balancer, Scene } from './scene.ts';
import { specOf } from './service.ts';
import { waitFor } from './wait.ts';

export const CHECK = { path: '/health', interval: '300ms', timeout: '200ms', fall: 2 };

/** An http load balancer with one backend. */
export const guardSpec = (target: string, more: Record<string, unknown> = {}) => ({
  type: 'http',
  port: 8080,
  backends: [{ target }],
  healthCheck: CHECK,
  ...more,
});

/** Wants a spec with a guard, and does not wait for anything. */
export function want({ test }: Balancer, spec: Record<string, unknown>, durationMs: number): void {
  const revision = test.desired.revision + 1;
  test.desired = { ...test.desired, revision, spec: specOf(spec), guard: { durationMs } };
  test.service.want(test.desired);
}

export const guardEnd = ({ test }: Balancer): Promise<GuardReport> =>
  waitFor('the end of the guard', () => {
    const guard = test.service.guard();
    return guard?.revision === test.desired.revision && guard.verdict !== 'watching' ? guard : undefined;
  });

/** Waits until traffic has been counted. */
export const isWatching = ({ test }: Balancer) =>
  waitFor('the watch to begin', () => (test.service.guard()?.view?.after.requests ?? 0) > 0);

/** A backend that passes its check and answers 500. */
export const failing = (scene: Scene) =>
  scene.backend({
    name: 'failing',
    handle: (_request, response) => void response.writeHead(500).end('no'),
  });

/** Clients that ask as fast as they get answers, until the end of the test. */
export function startClients(scene: Scene, { address }: Balancer): void {
  const clients = startLoad(`http://${address}:8080/`, 2);
  scene.after(() => clients.stop());
}

/** A load balancer that has served clients for a moment. */
export async function serving(scene: Scene): Promise<{ balancer: Balancer; good: TestBackend }> {
  const [balancer, good] = [scene.balancer(), await scene.backend('good')];
  await balancer.start(guardSpec(good.target));
  startClients(scene, balancer);
  await waitFor('some traffic', () => good.requests.length > 60);
  return { balancer, good };
}

/** Where the guard lies on disk. */
export function guardPath({ directory }: Scene, { test }: Balancer): string {
  return join(servicePaths(test.desired.id, detectLayout(`${directory}/agent`, 0)).directory, 'guard.json');
}
