import { apiPath } from '../api/client.ts';
import type { LoadBalancer } from '../api/load-balancer.ts';
import { AppError } from '../base/errors.ts';
import { getLoadBalancer } from './resources.ts';
import type { CliContext } from './session.ts';
import type { WriteOptions } from './write-options.ts';
import { type Write, writeLoadBalancer } from './write.ts';

/** Others may write at the same time; each round sees what they made. */
const ATTEMPTS = 8;

/** A merge patch of a load balancer. */
export interface LoadBalancerPatch {
  name?: string;
  labels?: Record<string, string | null>;
  spec?: Record<string, unknown>;
}

/** Changes fields that do not depend on what was there before. */
export async function patchLoadBalancer(
  ctx: CliContext,
  options: WriteOptions,
  {
    name,
    patch,
    onAccepted,
  }: { name: string; patch: LoadBalancerPatch | ((before: LoadBalancer) => LoadBalancerPatch) } & Pick<
    Write,
    'onAccepted'
  >,
): Promise<void> {
  const before = await getLoadBalancer(await ctx.api(), name);
  const body = typeof patch === 'function' ? patch(before) : patch;
  await writeLoadBalancer(ctx, options, {
    request: { method: 'PATCH', path: apiPath`/v1/load-balancers/${before.id}`, body },
    name: before.name,
    before,
    done: 'updated',
    onAccepted,
  });
}

/**
 * Changes what depends on what was there before: the patch is made from the load balancer as read and holds only if
 * nobody has changed it since; else it is made again.
 */
export async function rewriteLoadBalancer(
  ctx: CliContext,
  options: WriteOptions,
  { name, patch }: { name: string; patch: (before: LoadBalancer) => LoadBalancerPatch },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await getLoadBalancer(await ctx.api(), name);
    const path = apiPath`/v1/load-balancers/${before.id}`;
    const headers = { 'if-match': `"${before.revision}"` };
    try {
      return await writeLoadBalancer(ctx, options, {
        request: { method: 'PATCH', path, body: patch(before), headers },
        name: before.name,
        before,
        done: 'updated',
      });
    } catch (error) {
      const overtaken = error instanceof AppError && error.code === 'revision_mismatch';
      if (!overtaken || attempt === ATTEMPTS) throw error;
    }
  }
}
