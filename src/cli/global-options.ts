import type { Options, OptionValues } from './command.ts';

/** Flags that every command takes, in any place after the program's name. */
export const GLOBAL_OPTIONS = {
  url: { value: 'URL', summary: 'The control plane (environment: AGENTMETAL_URL)' },
  apiKeyFile: {
    value: 'FILE',
    summary: 'Read the API key from a file (environment: AGENTMETAL_API_KEY)',
    completes: 'file',
  },
  caFile: {
    value: 'FILE',
    summary: 'Trust this certificate or CA of the control plane (environment: AGENTMETAL_CA_FILE)',
    completes: 'file',
  },
  context: { value: 'NAME', summary: 'Use this context of the context file', completes: 'context' },
  output: {
    value: 'FORMAT',
    short: 'o',
    choices: ['table', 'json', 'yaml', 'name'],
    summary: 'How to print data: table, json, yaml or name',
    default: 'table',
  },
  header: { negatable: true, summary: 'Print the header line of tables' },
  quiet: { short: 'q', summary: 'Print no progress and no hints' },
  color: { negatable: true, summary: 'Use colour on a terminal (environment: NO_COLOR)' },
  debug: { summary: 'Print every request to stderr, without secrets' },
} as const satisfies Options;

export type GlobalOptions = OptionValues<typeof GLOBAL_OPTIONS>;
