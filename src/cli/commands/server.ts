import { defineCommand } from '../command.ts';
import { CONTROL_PLANE_OPTIONS, controlPlaneSettings } from './service-options.ts';

export const server = defineCommand({
  path: ['server'],
  summary: 'Run a control plane alone, without an agent',
  description:
    'The agent of this machine is started apart: agentmetal agent --token-file DIR/agent/token, where DIR is the data\ndirectory of the control plane. `agentmetal up` does both.',
  args: [],
  options: CONTROL_PLANE_OPTIONS,
  examples: [
    'agentmetal server --listen 127.0.0.1:8080',
    'agentmetal server --listen 0.0.0.0:8443 --tls-cert api.pem --tls-key api.key',
  ],
  async run({ io }, { options }) {
    const databaseUrl = io.env['AGENTMETAL_DATABASE_URL'];
    return io.runners.server({
      ...controlPlaneSettings(options, io.env),
      ...(databaseUrl ? { databaseUrl } : {}),
    });
  },
});
