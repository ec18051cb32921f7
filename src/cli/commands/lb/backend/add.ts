import { apiPath } from '../../../../api/client.ts';
import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import type { Backend } from '../../../../spec/backend.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { replaceHealthCheck } from '../../../health-check-patch.ts';
import { describeHealthCheck, parseHealthCheck } from '../../../health-check-text.ts';
import { getLoadBalancer } from '../../../resources.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { writeLoadBalancer } from '../../../write.ts';
import { SETTING_OPTIONS, givenSettings } from './options.ts';
import { readTargets } from './targets.ts';

type NewBackend = Partial<Backend> & Pick<Backend, 'target'>;

export const add = defineCommand({
  path: ['lb', 'backend', 'add'],
  summary: 'Add backends',
  description:
    'They take traffic after their first passing check. Nothing reloads, and no connection is cut.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'targets', summary: 'Backends, the same as --target', optional: true, variadic: true },
  ],
  options: {
    target: {
      value: 'HOST:PORT',
      repeat: true,
      summary: 'A backend: a host of the VPC, a DNS name or an address',
    },
    ...SETTING_OPTIONS,
    backup: { summary: 'Takes traffic only when all the others are down' },
    healthCheck: {
      value: 'CHECK',
      summary: 'How all backends are checked, such as "http:/health:5s" or tcp:5s',
    },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb backend add web-lb --target web-1:8080 --target web-2:8080 --health-check "http:/health:5s"',
    'agentmetal lb backend add web-lb --target 10.0.0.9:8080 --weight 10',
    'agentmetal lb backend add db-lb --target db-2:5432 --backup',
  ],
  async run(ctx, { args, options }) {
    const { weight, maxConnections, healthCheck } = options;
    const settings = givenSettings({ weight, maxConnections, backup: options.backup || undefined });
    const backends = readTargets(args.targets, options.target).map((target) => ({ target, ...settings }));
    if (healthCheck === undefined) {
      const before = await getLoadBalancer(await ctx.api(), args.name);
      const path = apiPath`/v1/load-balancers/${before.id}/backends`;
      const request = { method: 'POST', path, body: backends } as const;
      return writeLoadBalancer(ctx, options, { request, name: before.name, before, done: 'updated' });
    }
    const check = parseHealthCheck(healthCheck);
    ctx.progress.step(describeHealthCheck(check));
    // Backends and check in one revision: a backend must not be taken in by the old check meanwhile.
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => ({
        spec: { backends: mergeBackends(before, backends), healthCheck: replaceHealthCheck(check) },
      }),
    });
  },
});

/** The backends that there are and the new ones. One that is there already with the same settings stays. */
function mergeBackends({ name, spec }: LoadBalancer, added: readonly NewBackend[]): NewBackend[] {
  const fresh = added.filter((backend) => {
    const present = spec.backends.find(({ target }) => target === backend.target.toLowerCase());
    if (present && !agrees(present, backend)) throw backendExists(name, present.target);
    return !present;
  });
  return [...spec.backends, ...fresh];
}

function agrees(present: Backend, wanted: NewBackend): boolean {
  const settings = Object.entries({ ...wanted, target: present.target });
  return settings.every(([key, value]) => present[key as keyof Backend] === value);
}

function backendExists(name: string, target: string): AppError {
  return new AppError('backend_exists', `${target} is a backend of ${name} already, with other settings`, {
    hint: `Change it: agentmetal lb backend set ${name} ${target} --weight 5`,
  });
}
