import type { LoadBalancer } from '../../../api/load-balancer.ts';
import { defineCommand } from '../../command.ts';
import { serialize } from '../../output/print.ts';
import { getLoadBalancer } from '../../resources.ts';

export const exportLoadBalancer = defineCommand({
  path: ['lb', 'export'],
  summary: 'Print load balancers as a file that `lb apply` takes',
  description: 'Several are YAML documents one after the other; with -o json, one list.',
  args: [{ name: 'names', summary: 'Names or ids', variadic: true, completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb export web-lb > web-lb.yaml', 'agentmetal lb export web-lb -o json'],
  async run({ api, options, print }, { args }) {
    const documents: Array<Pick<LoadBalancer, 'name' | 'labels' | 'spec'>> = [];
    for (const wanted of args.names) {
      const { name, labels, spec } = await getLoadBalancer(await api(), wanted);
      documents.push({ name, labels, spec });
    }
    if (options.output === 'name') return print.text(documents.map(({ name }) => `${name}\n`).join(''));
    if (options.output === 'json')
      return print.text(await serialize(documents.length === 1 ? documents[0] : documents, 'json'));
    const texts = await Promise.all(documents.map((document) => serialize(document, 'yaml')));
    print.text(texts.join('---\n'));
  },
});
