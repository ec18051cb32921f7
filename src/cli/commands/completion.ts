import { completionScript } from '../complete/scripts.ts';
import { defineCommand } from '../command.ts';
import { usageError } from '../failure.ts';

export const completion = defineCommand({
  path: ['completion'],
  summary: 'Print the completion script of a shell',
  description:
    'It completes commands, flags, and the names of load balancers, backends, VPCs, keys, machines and contexts.',
  args: [{ name: 'shell', summary: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
  options: {},
  examples: [
    'agentmetal completion bash > /etc/bash_completion.d/agentmetal',
    'agentmetal completion zsh > ~/.zfunc/_agentmetal',
    'agentmetal completion fish > ~/.config/fish/completions/agentmetal.fish',
  ],
  async run({ print }, { args }) {
    const script = completionScript(args.shell);
    if (script === undefined)
      throw usageError(`there is no completion for ${args.shell}`, 'bash, zsh or fish');
    print.text(script);
  },
});
