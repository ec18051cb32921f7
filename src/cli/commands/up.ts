import { defineCommand } from '../command.ts';
import { CONTROL_PLANE_OPTIONS, LOW_PORT_OPTION, controlPlaneSettings } from './service-options.ts';

export const up = defineCommand({
  path: ['up'],
  summary: 'Run everything on this machine: control plane and agent',
  description:
    'It runs until Ctrl-C. The load balancers go on serving without it; `agentmetal down` stops them.',
  args: [],
  options: {
    ...CONTROL_PLANE_OPTIONS,
    ...LOW_PORT_OPTION,
    demo: { summary: 'Make a sample VPC, two sample backends and the load balancer web-lb' },
  },
  examples: [
    'agentmetal up',
    'agentmetal up --demo',
    'agentmetal up --address-pool "*" --data-dir /srv/agentmetal',
  ],
  async run({ io }, { options }) {
    const { demo, lowPortOffset } = options;
    return io.runners.up({
      ...controlPlaneSettings(options, io.env),
      demo,
      ...(lowPortOffset === undefined ? {} : { lowPortOffset }),
    });
  },
});
