import type { Vpc } from '../../../api/resources.ts';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { parseLabels } from '../../key-values.ts';
import { DRIVER_OPTIONS, driverOf, requireDriver } from './driver-options.ts';
import { VPCS } from '../../resources.ts';
import { BGP_OPTIONS, readBgp } from './bgp-options.ts';

export const create = defineCommand({
  path: ['vpc', 'create'],
  summary: 'Create a private network',
  description: 'The backends of its load balancers must lie in its networks.',
  args: [{ name: 'name', summary: 'Its name: lower-case letters, digits and hyphens' }],
  options: {
    cidr: { value: 'CIDR', repeat: true, summary: 'A network that belongs to it, such as 10.0.0.0/16' },
    nameServer: {
      value: 'ADDRESS',
      repeat: true,
      summary: 'A name server asked for its names; without it, the system’s',
    },
    floating: {
      value: 'CIDR',
      repeat: true,
      summary:
        'Addresses that load balancers with several nodes hand from one to the other: an address or a network',
    },
    replaceAfter: {
      value: 'DURATION',
      summary:
        'How long a machine must be silent to be replaced, 30s or more, or never; without it, as the control plane says: 5m',
    },
    ...BGP_OPTIONS,
    ...DRIVER_OPTIONS,
    label: { value: 'KEY=VALUE', short: 'l', repeat: true, summary: 'A label' },
  },
  examples: [
    'agentmetal vpc create prod --cidr 10.0.0.0/16',
    'agentmetal vpc create prod --cidr 10.0.0.0/16 --name-server 10.0.0.2',
    'agentmetal vpc create prod --cidr 10.0.0.0/16 --floating 203.0.113.16/28',
    'agentmetal vpc create prod --cidr 10.0.0.0/16 --floating 198.51.100.0/28 --bgp-asn 65001 --bgp-router 10.0.0.1:65000',
    'agentmetal vpc create prod --cidr 10.60.0.0/24 --driver container --public 203.0.113.16/28',
    'agentmetal vpc create prod --cidr 10.60.0.0/24 --driver libvirt --cpus 2 --memory 2048',
  ],
  async run({ api, io, print, progress }, { args, options }) {
    if (options.cidr.length === 0)
      throw usageError('no network is given', `agentmetal vpc create ${args.name} --cidr 10.0.0.0/16`);
    const bgp = await readBgp({ io }, options);
    requireDriver(options, `agentmetal vpc create ${args.name} --cidr ${options.cidr[0] ?? 'CIDR'}`);
    const driver = driverOf(options);
    const spec = {
      cidrs: options.cidr,
      ...(options.nameServer.length === 0 ? {} : { nameServers: options.nameServer }),
      ...(options.floating.length === 0 ? {} : { floatingAddresses: options.floating }),
      ...(options.replaceAfter === undefined ? {} : { replaceAfter: options.replaceAfter }),
      ...(bgp ? { bgp } : {}),
      ...(driver === undefined ? {} : { driver }),
    };
    const client = await api();
    const { body } = await client.request<Vpc>({
      method: 'POST',
      path: VPCS,
      body: { name: args.name, labels: parseLabels(options.label), spec },
    });
    await print.object(body, { text: () => `VPC ${body.name} created (${body.id})\n`, name: body.name });
    progress.note(`Next: agentmetal vpc host add ${body.name} web-1 ADDRESS`);
  },
});
