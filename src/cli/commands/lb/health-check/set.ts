import { CHECK_TYPES, type HealthCheckInput } from '../../../../spec/health-check.ts';
import { patchLoadBalancer } from '../../../change-spec.ts';
import { type OptionValues, type Options, defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { amendHealthCheck, replaceHealthCheck } from '../../../health-check-patch.ts';
import { describeHealthCheck, parseHealthCheck } from '../../../health-check-text.ts';
import { POOL_OPTION, patchOfPool, requirePool } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

const CHECK_OPTIONS = {
  type: { value: 'TYPE', choices: CHECK_TYPES, summary: 'What is checked' },
  path: { value: 'PATH', summary: 'Path to ask for (http, https)' },
  port: { value: 'PORT', integer: true, summary: 'Port to check; without it, the backend’s own' },
  method: { value: 'METHOD', summary: 'GET, HEAD, OPTIONS, POST or PUT (http, https)' },
  host: { value: 'HOST', summary: 'Host header, gRPC authority or SMTP name to send' },
  expectStatus: { value: 'STATUS', summary: 'Statuses that pass, such as 200-399 or 200,204' },
  expectBody: { value: 'TEXT', summary: 'Text that the body must hold' },
  service: { value: 'SERVICE', summary: 'Service to ask for (grpc)' },
  user: { value: 'USER', summary: 'User to log in as (postgres, mysql)' },
  tls: { negatable: true, summary: 'Speak TLS in the check (tcp, grpc, redis, smtp)' },
  script: { value: 'NAME', summary: 'Program in the machines’ folder for checks (custom)' },
  interval: { value: 'DURATION', summary: 'Time between two checks' },
  checkTimeout: { value: 'DURATION', summary: 'Time for one check' },
  fall: { value: 'N', integer: true, summary: 'Failed checks in a row that take a backend out' },
  rise: { value: 'N', integer: true, summary: 'Passed checks in a row that bring it back' },
  passiveErrors: {
    value: 'N',
    integer: true,
    summary: 'Errors of live traffic in a row that take a backend out at once; 0 is off',
  },
  passiveObserve: {
    value: 'LAYER',
    choices: ['layer4', 'layer7'],
    summary: 'Errors that count: failed connections (layer4), or broken answers too (layer7)',
  },
} as const satisfies Options;

export const set = defineCommand({
  path: ['lb', 'health-check', 'set'],
  summary: 'Say how backends are checked',
  description:
    'CHECK is TYPE[:PORT]:PATH:INTERVAL for http and https, custom:NAME:INTERVAL for a program, and TYPE[:PORT]:INTERVAL\nfor tcp, grpc, redis, postgres, mysql and smtp. It replaces the whole check: what is not said goes back to its\ndefault. Without CHECK, the flags change what they name and leave the rest. Steps are set by `lb apply`.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'check', summary: 'The check, such as "http:/health:5s", grpc:5s or tcp:5s', optional: true },
  ],
  options: { ...CHECK_OPTIONS, ...POOL_OPTION, ...WRITE_OPTIONS },
  examples: [
    'agentmetal lb health-check set web-lb "http:/health:5s"',
    'agentmetal lb health-check set web-lb --fall 5 --expect-status 200-299 --pool api',
    'agentmetal lb health-check set api grpc:50051:5s --service shop.v1.Cart',
    'agentmetal lb health-check set db-lb postgres:5s --user check',
    'agentmetal lb health-check set db-lb custom:replica-lag:10s',
  ],
  async run(ctx, { args, options }) {
    const { pool } = options;
    const given = givenFields(options);
    if (args.check === undefined && Object.keys(given).length === 0) {
      throw usageError('no check is given', `agentmetal lb health-check set ${args.name} "http:/health:5s"`);
    }
    const whole = args.check === undefined ? undefined : { ...parseHealthCheck(args.check), ...given };
    if (whole) ctx.progress.step(describeHealthCheck(whole));
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => {
        const spec = { ...before.spec, ...requirePool(before, pool) };
        const healthCheck = whole ? replaceHealthCheck(whole) : amendHealthCheck(given, { spec });
        return patchOfPool(before, pool, { healthCheck });
      },
    });
  },
});

/** What the flags say, in the words of the spec. */
function givenFields(options: OptionValues<typeof CHECK_OPTIONS>): HealthCheckInput {
  const { type, path, port, method, host, expectStatus, expectBody, service, user, tls, script } = options;
  const {
    interval,
    fall,
    rise,
    checkTimeout: timeout,
    passiveErrors: errors,
    passiveObserve: observe,
  } = options;
  const passive = errors === undefined && observe === undefined ? undefined : told({ errors, observe });
  const what = { type, path, port, method, host, expectStatus, expectBody, service, user, tls, script };
  return told({ ...what, interval, timeout, fall, rise, passive }) as HealthCheckInput;
}

function told<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
