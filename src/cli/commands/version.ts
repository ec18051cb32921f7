import { VERSION } from '../../base/version.ts';
import { defineCommand } from '../command.ts';

export const version = defineCommand({
  path: ['version'],
  summary: 'Print the version',
  args: [],
  options: {},
  examples: ['agentmetal version', 'agentmetal version -o json'],
  async run({ print }) {
    const value = {
      version: VERSION,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    };
    await print.object(value, { text: () => `agentmetal ${VERSION}\n`, name: VERSION });
  },
});
