import { defineCommand } from '../../command.ts';
import { serialize } from '../../output/print.ts';
import { getLoadBalancer } from '../../resources.ts';

export const exportLoadBalancer = defineCommand({
  path: ['lb', 'export'],
  summary: 'Print load balancers as a file that `lb apply` takes',
  args: [{ name: 'names', summary: 'Names or ids', variadic: true, completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb export web-lb > web-lb.yaml', 'agentmetal lb export web-lb -o json'],
  async run({ api, options, print }, { args }) {
    const texts: string[] = [];
    for (const wanted of args.names) {
      const { name, labels, spec } = await getLoadBalancer(await api(), wanted);
      texts.push(
        options.output === 'name'
          ? `${name}\n`
          : await serialize({ name, labels, spec }, options.output === 'json' ? 'json' : 'yaml'),
      );
    }
    print.text(texts.join(options.output === 'name' || options.output === 'json' ? '' : '---\n'));
  },
});
