import type { ServicePaths } from '../../haproxy/config/paths.ts';
import type { FloatingPaths } from './paths.ts';

/** What keepalived runs when the role changes: it is given `INSTANCE`, the name, the role and the priority. */
export function notifyScript({ role }: FloatingPaths): string {
  return `#!/bin/sh
# Tells the agent which role keepalived has taken.
printf '%s\\n' "$3" >${shellWord(`${role}.next`)} && mv ${shellWord(`${role}.next`)} ${shellWord(role)}
`;
}

/** The second line behind the agent, which tells of HAProxy's end at once but may have ended itself. */
export function aliveScript({ pidFile, config }: Pick<ServicePaths, 'pidFile' | 'config'>): string {
  return `#!/bin/sh
# Whether the HAProxy of this load balancer runs: the process that is noted, if it still is that one.
read -r pid <${shellWord(pidFile)} && tr '\\0' '\\n' <"/proc/$pid/cmdline" | grep -qxF -- ${shellWord(config)}
`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
