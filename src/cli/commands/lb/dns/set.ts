import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const set = defineCommand({
  path: ['lb', 'dns', 'set'],
  summary: 'Say how its DNS records are kept',
  description:
    'The domains of its certificates have records anyhow, in the zone that covers them. Lists given are the whole list;\nsettings that are not named stay as they are.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    enabled: { negatable: true, summary: 'Make and keep records; --no-enabled removes those that it made' },
    domain: { value: 'DOMAIN', repeat: true, summary: 'A domain besides those of its certificates' },
    zone: { value: 'ZONE', completes: 'dns-zone', summary: 'The DNS zone to make the records in' },
    ttl: { value: 'SECONDS', integer: true, summary: 'For how long others may keep them, 60 to 86400' },
    address: {
      value: 'ADDRESS',
      repeat: true,
      summary: 'An address that clients come in by, where it is not the load balancer’s own',
    },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb dns set db-lb --domain db.example.com',
    'agentmetal lb dns set web-lb --address 203.0.113.5 --ttl 300',
    'agentmetal lb dns set web-lb --no-enabled',
  ],
  async run(ctx, { args, options }) {
    const { enabled, domain, zone, ttl, address } = options;
    const dns = {
      ...(enabled === undefined ? {} : { enabled }),
      ...(domain.length === 0 ? {} : { domains: domain }),
      ...(zone === undefined ? {} : { zone }),
      ...(ttl === undefined ? {} : { ttl }),
      ...(address.length === 0 ? {} : { addresses: address }),
    };
    if (Object.keys(dns).length === 0)
      throw usageError(
        'nothing to set is given',
        `agentmetal lb dns set ${args.name} --domain db.example.com`,
      );
    await patchLoadBalancer(ctx, options, { name: args.name, patch: { spec: { dns } } });
  },
});
