import { defineCommand } from '../command.ts';
import { DATA_DIR_OPTION, defaultDataDir } from './service-options.ts';

export const down = defineCommand({
  path: ['down'],
  summary: 'Stop every load balancer of this machine',
  description: 'Nothing is deleted: `agentmetal up` starts them again as they were.',
  args: [],
  options: DATA_DIR_OPTION,
  examples: ['agentmetal down'],
  async run({ io }, { options }) {
    return io.runners.down({ dataDir: options.dataDir ?? defaultDataDir(io.env) });
  },
});
