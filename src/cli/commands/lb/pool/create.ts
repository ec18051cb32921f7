import { AppError } from '../../../../base/errors.ts';
import { poolOf } from '../../../../spec/pools-of.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { given } from '../../../flags.ts';
import { describeHealthCheck, parseHealthCheck } from '../../../health-check-text.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const create = defineCommand({
  path: ['lb', 'pool', 'create'],
  summary: 'Make a pool: a named group of backends for routes to send to',
  description:
    'It gets no traffic before a route sends there: agentmetal lb route add NAME --path-prefix /api --pool POOL',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'pool', summary: 'Name of the pool' },
  ],
  options: {
    target: { value: 'HOST:PORT', repeat: true, summary: 'A backend' },
    healthCheck: { value: 'CHECK', summary: 'How backends are checked, such as "http:/health:5s" or tcp:5s' },
    algorithm: {
      value: 'ALGORITHM',
      summary: 'roundrobin, leastconn, source, random, first, uri or header:NAME',
    },
    protocol: {
      value: 'PROTOCOL',
      choices: ['http1', 'http2'],
      summary: 'What is spoken to the backends (http); gRPC needs http2',
    },
    slowStart: {
      value: 'DURATION',
      summary: 'Time over which a backend that comes back gets its full share',
    },
    failOpen: { summary: 'Send to all backends when none passes its check, rather than to none' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb pool create web-lb api --target api-1:8080 --target api-2:8080 --health-check "http:/health:5s"',
    'agentmetal lb pool create web-lb grpc --protocol http2 --algorithm leastconn',
  ],
  async run(ctx, { args, options }) {
    const { algorithm, protocol, slowStart } = options;
    const check = options.healthCheck === undefined ? undefined : parseHealthCheck(options.healthCheck);
    if (check) ctx.progress.step(describeHealthCheck(check));
    const pool = given({
      algorithm,
      protocol,
      slowStart,
      backends: options.target.length === 0 ? undefined : options.target.map((target) => ({ target })),
      healthCheck: check,
      failOpen: options.failOpen || undefined,
    });
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: ({ name, spec }) => {
        if (poolOf(spec, args.pool)) throw poolExists(name, args.pool);
        return { spec: { pools: { [args.pool]: pool } } };
      },
    });
  },
});

function poolExists(name: string, pool: string): AppError {
  return new AppError('name_taken', `${name} has a pool ${pool} already`, {
    hint: `Add to it: agentmetal lb backend add ${name} --pool ${pool} --target HOST:PORT`,
  });
}
