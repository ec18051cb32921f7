import { apiPath } from '../../../api/client.ts';
import type { Vpc } from '../../../api/resources.ts';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { DRIVER_OPTIONS, driverOf } from './driver-options.ts';
import { labelPatch } from '../../key-values.ts';
import { BGP_OPTIONS, readBgp } from './bgp-options.ts';

export const update = defineCommand({
  path: ['vpc', 'update'],
  summary: 'Change a private network',
  description:
    'What is not named stays as it is; the networks, name servers or floating addresses given are the whole list.',
  args: [{ name: 'vpc', summary: 'Name or id', completes: 'vpc' }],
  options: {
    name: { value: 'NAME', summary: 'A new name' },
    cidr: { value: 'CIDR', repeat: true, summary: 'A network that belongs to it' },
    nameServer: { value: 'ADDRESS', repeat: true, summary: 'A name server asked for its names' },
    floating: {
      value: 'CIDR',
      repeat: true,
      summary: 'An address, or a network of such, that nodes of load balancers hand each other',
    },
    replaceAfter: {
      value: 'DURATION',
      summary:
        'How long a machine must be silent to be replaced, 30s or more, or never; default: as the control plane says',
    },
    ...BGP_OPTIONS,
    withoutBgp: { summary: 'Announce nothing by BGP any more' },
    ...DRIVER_OPTIONS,
    driver: { ...DRIVER_OPTIONS.driver, summary: `${DRIVER_OPTIONS.driver.summary}; none: they are added` },
    label: { value: 'KEY=VALUE', short: 'l', repeat: true, summary: 'Set a label' },
    unlabel: { value: 'KEY', repeat: true, summary: 'Take a label away' },
  },
  examples: [
    'agentmetal vpc update prod --cidr 10.0.0.0/16 --cidr 10.1.0.0/16',
    'agentmetal vpc update prod --bgp-asn 65001 --bgp-router 203.0.113.1:65000 --bgp-router 203.0.113.2:65000',
    'agentmetal vpc update prod --driver container',
    'agentmetal vpc update prod --replace-after 10m',
  ],
  async run({ api, io, print }, { args, options }) {
    const labels = labelPatch(options.label, options.unlabel);
    const bgp = await readBgp({ io }, options);
    const driver = options.driver === 'none' ? null : driverOf(options);
    const { replaceAfter } = options;
    const spec = {
      ...(options.cidr.length === 0 ? {} : { cidrs: options.cidr }),
      ...(options.nameServer.length === 0 ? {} : { nameServers: options.nameServer }),
      ...(options.floating.length === 0 ? {} : { floatingAddresses: options.floating }),
      ...(replaceAfter === undefined
        ? {}
        : { replaceAfter: replaceAfter === 'default' ? null : replaceAfter }),
      ...(bgp ? { bgp } : {}),
      ...(options.withoutBgp ? { bgp: null } : {}),
      ...(driver === undefined ? {} : { driver }),
    };
    const patch = {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(labels === undefined ? {} : { labels }),
      ...(Object.keys(spec).length === 0 ? {} : { spec }),
    };
    if (Object.keys(patch).length === 0)
      throw usageError('nothing to change is given', 'agentmetal vpc update --help');
    const client = await api();
    const { body } = await client.request<Vpc>({
      method: 'PATCH',
      path: apiPath`/v1/vpcs/${args.vpc}`,
      body: patch,
    });
    await print.object(body, { text: () => `VPC ${body.name} updated\n`, name: body.name });
  },
});
