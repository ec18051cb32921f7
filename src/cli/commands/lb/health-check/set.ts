import type { HealthCheckInput } from '../../../../spec/health-check.ts';
import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { amendHealthCheck, replaceHealthCheck } from '../../../health-check-patch.ts';
import { describeHealthCheck, parseHealthCheck } from '../../../health-check-text.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const set = defineCommand({
  path: ['lb', 'health-check', 'set'],
  summary: 'Say how backends are checked',
  description:
    'CHECK is TYPE[:PORT]:PATH:INTERVAL for http and https, and tcp[:PORT]:INTERVAL. It replaces the whole check: what is\nnot said goes back to its default. Without CHECK, the flags change what they name and leave the rest.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'check', summary: 'The check, such as "http:/health:5s" or tcp:5s', optional: true },
  ],
  options: {
    type: { value: 'TYPE', choices: ['http', 'https', 'tcp'], summary: 'http, https or tcp' },
    path: { value: 'PATH', summary: 'Path to ask for' },
    port: { value: 'PORT', integer: true, summary: 'Port to check; without it, the backend’s own' },
    method: { value: 'METHOD', summary: 'GET, HEAD, OPTIONS, POST or PUT' },
    host: { value: 'HOST', summary: 'Host header to send' },
    expectStatus: { value: 'STATUS', summary: 'Statuses that pass, such as 200-399 or 200,204' },
    expectBody: { value: 'TEXT', summary: 'Text that the body must hold' },
    interval: { value: 'DURATION', summary: 'Time between two checks' },
    checkTimeout: { value: 'DURATION', summary: 'Time for one check' },
    fall: { value: 'N', integer: true, summary: 'Failed checks in a row that take a backend out' },
    rise: { value: 'N', integer: true, summary: 'Passed checks in a row that bring it back' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb health-check set web-lb "http:/health:5s"',
    'agentmetal lb health-check set web-lb --fall 5 --expect-status 200-299',
  ],
  async run(ctx, { args, options }) {
    const { dryRun: _dryRun, wait: _wait, timeout: _timeout, checkTimeout, ...rest } = options;
    const fields = { ...rest, timeout: checkTimeout } as HealthCheckInput;
    const given = Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined),
    ) as HealthCheckInput;
    if (args.check === undefined && Object.keys(given).length === 0) {
      throw usageError('no check is given', `agentmetal lb health-check set ${args.name} "http:/health:5s"`);
    }
    const whole = args.check === undefined ? undefined : { ...parseHealthCheck(args.check), ...given };
    if (whole) ctx.progress.step(describeHealthCheck(whole));
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => ({
        spec: { healthCheck: whole ? replaceHealthCheck(whole) : amendHealthCheck(given, before) },
      }),
    });
  },
});
