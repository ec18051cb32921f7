import type { ServicePaths } from '../../haproxy/config/paths.ts';
import { INSTANCE } from './keepalived-config.ts';
import type { FloatingPaths } from './paths.ts';

/** What keepalived runs when a role changes: it is given `INSTANCE`, the name, the role and the priority. */
export function notifyScript({ role }: FloatingPaths): string {
  return `#!/bin/sh
# Tells the agent which role keepalived has taken, for each instance in a file of its own.
to=${shellWord(role)}"\${2#${INSTANCE}}"
printf '%s\\n' "$3" >"$to.next" && mv "$to.next" "$to"
`;
}

/** The second line behind the agent, which tells of HAProxy's end at once but may have ended itself. */
export function aliveScript({ pidFile, config }: Pick<ServicePaths, 'pidFile' | 'config'>): string {
  return `#!/bin/sh
# Whether the HAProxy of this load balancer runs: the process that is noted, if it still is that one.
read -r pid <${shellWord(pidFile)} && tr '\\0' '\\n' <"/proc/$pid/cmdline" | grep -qxF -- ${shellWord(config)}
`;
}

/**
 * The second line behind the agent where addresses are announced: when HAProxy does not run twice in a row, and nobody has
 * taken the announcements back, it does. It ends with BIRD.
 */
export function watchScript(
  { birdPid, birdSocket, birdWatchPid, alive }: FloatingPaths,
  birdc: string,
): string {
  const [pid, socket, own, look, client] = [birdPid, birdSocket, birdWatchPid, alive, birdc].map(shellWord);
  return `#!/bin/sh
# Takes announcements back when HAProxy has ended and there is no agent to do so.
echo $$ >${own}
missed=0
while read -r pid <${pid} && kill -0 "$pid"; do
  if ${look}; then missed=0; else missed=$((missed + 1)); fi
  if [ $missed -ge 2 ]; then
    ${client} -s ${socket} 'disable "active*"' >/dev/null
    ${client} -s ${socket} 'disable "standby*"' >/dev/null
  fi
  sleep 1
done
`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
