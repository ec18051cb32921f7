import { defineCommand } from '../command.ts';
import { DEFAULT_URL, assertUrl } from '../connection.ts';
import { DATA_DIR_OPTION, LOW_PORT_OPTION, defaultDataDir } from './service-options.ts';

export const agent = defineCommand({
  path: ['agent'],
  summary: 'Run the agent of a load balancer machine',
  description: 'It drives HAProxy on this machine after what the control plane at --url wants.',
  args: [],
  options: {
    tokenFile: { value: 'FILE', required: true, summary: 'The agent’s own credential', completes: 'file' },
    ...DATA_DIR_OPTION,
    ...LOW_PORT_OPTION,
  },
  examples: ['agentmetal agent --url https://lb.example.com --token-file /etc/agentmetal/agent-token'],
  async run({ io, options: globals }, { options }) {
    const url = globals.url ?? io.env['AGENTMETAL_URL'] ?? DEFAULT_URL;
    assertUrl(url);
    const caFile = globals.caFile ?? (io.env['AGENTMETAL_CA_FILE'] || undefined);
    const { lowPortOffset } = options;
    return io.runners.agent({
      url,
      tokenFile: options.tokenFile,
      ...(caFile === undefined ? {} : { caFile }),
      dataDir: options.dataDir ?? defaultDataDir(io.env),
      ...(lowPortOffset === undefined ? {} : { lowPortOffset }),
    });
  },
});
