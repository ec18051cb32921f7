import { apiPath } from '../../../../api/client.ts';
import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import type { Backend, BackendTls } from '../../../../spec/backend.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { given } from '../../../flags.ts';
import { replaceHealthCheck } from '../../../health-check-patch.ts';
import { describeHealthCheck, parseHealthCheck } from '../../../health-check-text.ts';
import { POOL_OPTION, patchOfPool, poolFlag, poolQuery, requirePool } from '../../../pools.ts';
import { getLoadBalancer } from '../../../resources.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { writeLoadBalancer } from '../../../write.ts';
import { SETTING_OPTIONS, TLS_OPTIONS, givenSettings, readTls } from './options.ts';
import { readTargets } from './targets.ts';

type NewBackend = Partial<Omit<Backend, 'tls'>> &
  Pick<Backend, 'target'> & { tls?: Partial<BackendTls> | undefined };

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
    tls: { summary: 'Speak TLS with it; any of the following does so too' },
    ...TLS_OPTIONS,
    sendProxy: {
      value: 'VERSION',
      choices: ['v1', 'v2'],
      summary: 'Tell it the client’s address by the PROXY protocol',
    },
    healthCheck: {
      value: 'CHECK',
      summary: 'How all backends are checked, such as "http:/health:5s" or tcp:5s',
    },
    ...POOL_OPTION,
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb backend add web-lb --target web-1:8080 --target web-2:8080 --health-check "http:/health:5s"',
    'agentmetal lb backend add web-lb --target 10.0.0.9:8080 --weight 10',
    'agentmetal lb backend add db-lb --target db-2:5432 --backup',
    'agentmetal lb backend add web-lb --pool api --target api-1:8443 --tls-ca-file ca.pem --send-proxy v2',
  ],
  async run(ctx, { args, options }) {
    const { weight, maxConnections, healthCheck, pool } = options;
    const sendProxy = options.sendProxy as Backend['sendProxy'];
    const plain = givenSettings({ weight, maxConnections, backup: options.backup || undefined, sendProxy });
    const settings = given({ ...plain, tls: await readTls(options, ctx.io) });
    const backends = readTargets(args.targets, options.target).map((target) => ({ target, ...settings }));
    if (healthCheck === undefined) {
      const before = await getLoadBalancer(await ctx.api(), args.name);
      requirePool(before, pool);
      const path = apiPath`/v1/load-balancers/${before.id}/backends`;
      const request = { method: 'POST', path, query: poolQuery(pool), body: backends } as const;
      return writeLoadBalancer(ctx, options, { request, name: before.name, before, done: 'updated' });
    }
    const check = parseHealthCheck(healthCheck);
    ctx.progress.step(describeHealthCheck(check));
    // Backends and check in one revision: a backend must not be taken in by the old check meanwhile.
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) =>
        patchOfPool(before, pool, {
          backends: mergeBackends(before, pool, backends),
          healthCheck: replaceHealthCheck(check),
        }),
    });
  },
});

/** The backends that there are and the new ones. One that is there already with the same settings stays. */
function mergeBackends(lb: LoadBalancer, pool: string, added: readonly NewBackend[]): NewBackend[] {
  const { backends } = requirePool(lb, pool);
  const fresh = added.filter((backend) => {
    const present = backends.find(({ target }) => target === backend.target.toLowerCase());
    if (present && !says(present, { ...backend, target: present.target }))
      throw backendExists(lb.name, pool, present.target);
    return !present;
  });
  return [...backends, ...fresh];
}

/** Whether all that is wanted is so; what is not said may be anything. */
function says(present: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return present === wanted;
  if (typeof present !== 'object' || present === null) return false;
  return Object.entries(wanted).every(([key, value]) => says(present[key as keyof typeof present], value));
}

function backendExists(name: string, pool: string, target: string): AppError {
  return new AppError('backend_exists', `${target} is a backend of ${name} already, with other settings`, {
    hint: `Change it: agentmetal lb backend set ${name} ${target}${poolFlag(pool)} --weight 5`,
  });
}
