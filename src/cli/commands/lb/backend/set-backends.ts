import type { Backend } from '../../../../spec/backend.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { patchOfPool, requirePool } from '../../../pools.ts';
import type { CliContext } from '../../../session.ts';
import type { WriteOptions } from '../../../write-options.ts';
import { requireBackend } from './targets.ts';

/** Sets the same fields on several backends in one revision. */
export async function setBackends(
  ctx: CliContext,
  options: WriteOptions,
  {
    name,
    pool,
    targets,
    fields,
  }: { name: string; pool: string; targets: readonly string[]; fields: Partial<Backend> },
): Promise<void> {
  const wanted = new Set(targets.map((target) => target.toLowerCase()));
  await rewriteLoadBalancer(ctx, options, {
    name,
    patch: (before) => {
      for (const target of targets) requireBackend(before, pool, target);
      const backends = requirePool(before, pool).backends.map((backend) =>
        wanted.has(backend.target) ? { ...backend, ...fields } : backend,
      );
      return patchOfPool(before, pool, { backends });
    },
  });
}
