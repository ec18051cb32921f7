import { defineCommand } from '../command.ts';
import { DEFAULT_URL, assertUrl } from '../connection.ts';
import { usageError } from '../failure.ts';
import { DATA_DIR_OPTION, LOW_PORT_OPTION, defaultDataDir } from './service-options.ts';

export const agent = defineCommand({
  path: ['agent'],
  summary: 'Run the agent of a load balancer machine',
  description: 'It drives HAProxy on this machine after what the control plane at --url wants.',
  args: [],
  options: {
    tokenFile: {
      value: 'FILE',
      summary: 'The agent’s own credential; without it, `token` in the data directory',
      completes: 'file',
    },
    enrolFile: {
      value: 'FILE',
      summary: 'A token by which the agent gets its credential, once; the file is gone after that',
      completes: 'file',
    },
    ...DATA_DIR_OPTION,
    ...LOW_PORT_OPTION,
  },
  examples: [
    'agentmetal agent --url https://lb.example.com --token-file /etc/agentmetal/agent-token',
    'agentmetal agent --url https://10.0.0.2:8443 --ca-file control-plane.pem --enrol-file enrol-token',
  ],
  async run({ io, options: globals }, { options }) {
    const url = globals.url ?? io.env['AGENTMETAL_URL'] ?? DEFAULT_URL;
    assertUrl(url);
    const caFile = globals.caFile ?? (io.env['AGENTMETAL_CA_FILE'] || undefined);
    const { lowPortOffset, tokenFile, enrolFile } = options;
    if (tokenFile === undefined && enrolFile === undefined)
      throw usageError(
        '--token-file is missing',
        'Or --enrol-file FILE, for an agent that has no credential yet',
      );
    return io.runners.agent({
      url,
      ...(tokenFile === undefined ? {} : { tokenFile }),
      ...(enrolFile === undefined ? {} : { enrolFile }),
      ...(caFile === undefined ? {} : { caFile }),
      dataDir: options.dataDir ?? defaultDataDir(io.env),
      ...(lowPortOffset === undefined ? {} : { lowPortOffset }),
    });
  },
});
