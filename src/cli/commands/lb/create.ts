import type { Backend } from '../../../spec/backend.ts';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { describeHealthCheck, parseHealthCheck } from '../../health-check-text.ts';
import { parseLabels } from '../../key-values.ts';
import { LOAD_BALANCERS } from '../../resources.ts';
import { UNGUARDED_WRITE_OPTIONS } from '../../write-options.ts';
import { writeLoadBalancer } from '../../write.ts';
import { tellTerms } from './tls/terms.ts';
import { tlsDomains } from './tls/domains.ts';

export const create = defineCommand({
  path: ['lb', 'create'],
  summary: 'Create a load balancer',
  description: 'It is live when the command ends: an http one on ports 80 and 443, a tcp one on its port.',
  args: [{ name: 'name', summary: 'Its name, the same as --name', optional: true }],
  options: {
    name: { value: 'NAME', summary: 'Its name: lower-case letters, digits and hyphens' },
    type: { value: 'TYPE', choices: ['http', 'tcp'], required: true, summary: 'http (L7) or tcp (L4)' },
    vpc: { value: 'VPC', summary: 'The VPC of its backends; without it, `default`', completes: 'vpc' },
    port: { value: 'PORT', integer: true, summary: 'Port to listen on; tcp needs it, http has 80' },
    ports: { value: 'PORTS', repeat: true, summary: 'Further ports for tcp: a port or a range, 6000-6010' },
    target: { value: 'HOST:PORT', repeat: true, summary: 'A backend' },
    backend: { value: 'HOST:PORT', repeat: true, summary: 'The same as --target' },
    healthCheck: { value: 'CHECK', summary: 'How backends are checked, such as "http:/health:5s" or tcp:5s' },
    sticky: {
      value: 'MODE',
      choices: ['cookie', 'source-ip'],
      summary: 'Keep each client on its backend, known again by a cookie (http) or by its address',
    },
    algorithm: {
      value: 'ALGORITHM',
      summary: 'roundrobin, leastconn, source, random, first, uri or header:NAME',
    },
    label: { value: 'KEY=VALUE', short: 'l', repeat: true, summary: 'A label' },
    domain: { value: 'DOMAIN', repeat: true, summary: 'A domain to have a certificate for (http)' },
    nodes: {
      value: 'N',
      integer: true,
      summary: 'How many machines serve it; more than 1 needs machines of its VPC',
    },
    deletionProtection: { summary: 'Refuse deletion until this is turned off' },
    ...UNGUARDED_WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb create --name web-lb --type http --vpc prod',
    'agentmetal lb create --name web-lb --type http --vpc prod --nodes 2',
    'agentmetal lb create --name db-lb --type tcp --port 5432 --vpc prod',
    'agentmetal lb create --name sip --type tcp --ports 5060-5061 --ports 6000 --sticky source-ip',
    'agentmetal lb create --name api --type http --target 10.0.0.5:8080 --health-check "http:/health:5s"',
  ],
  async run(ctx, { args, options }) {
    const name = args.name ?? options.name;
    if (name === undefined)
      throw usageError('the name is missing', 'agentmetal lb create --name web-lb --type http');
    if (args.name !== undefined && options.name !== undefined && args.name !== options.name) {
      throw usageError(`two names are given: ${args.name} and ${options.name}`);
    }
    const check = options.healthCheck === undefined ? undefined : parseHealthCheck(options.healthCheck);
    if (check) ctx.progress.step(describeHealthCheck(check));
    const { type, vpc, port, nodes, algorithm } = options;
    const backends: Array<Partial<Backend>> = [...options.target, ...options.backend].map((target) => ({
      target,
    }));
    const spec = {
      type,
      vpc,
      port,
      nodes,
      ports: options.ports.length === 0 ? undefined : options.ports,
      algorithm,
      sticky: options.sticky === undefined ? undefined : { mode: options.sticky },
      backends: backends.length === 0 ? undefined : backends,
      healthCheck: check,
      tls: options.domain.length === 0 ? undefined : tlsDomains(options.domain),
      deletionProtection: options.deletionProtection || undefined,
    };
    await writeLoadBalancer(ctx, options, {
      request: {
        method: 'POST',
        path: LOAD_BALANCERS,
        body: { name, labels: parseLabels(options.label), spec },
      },
      name,
      before: undefined,
      done: 'created',
      onAccepted: async () => {
        if (options.domain.length > 0) await tellTerms(ctx);
      },
    });
  },
});
