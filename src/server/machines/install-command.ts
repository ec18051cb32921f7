import type { AgentAccess } from '../agent-listener/access.ts';

/**
 * The line that brings a machine in. The control plane is known by its key and not by its name, and the token goes by
 * stdin, because arguments can be read by every user of the machine.
 */
export function installCommand({ url, pin }: AgentAccess, token: string): string {
  const header = `header = "Authorization: Bearer %s"\\n`;
  return `printf '${header}' ${token} | curl -fsSk --pinnedpubkey '${pin}' -K - ${url()}/v1/agent/install | sudo sh`;
}
