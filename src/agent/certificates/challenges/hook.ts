import { challengeRecord } from '../../../certificates/names.ts';

/**
 * What certbot runs to have a TXT record made (`publish`) and taken away (`remove`). It leaves a request in a folder and
 * waits for the answer: certbot then works on while the agent is started anew, and no program has to reach into another.
 */
export const HOOK_SCRIPT = `#!/bin/sh
set -eu
stem=challenges/$1-$$
printf '%s\\n' "$1" "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" >"$stem.tmp"
mv "$stem.tmp" "$stem.request"
tries=0
while [ ! -e "$stem.answer" ]; do
  tries=$((tries + 1))
  [ "$tries" -le 2400 ] || exit 1
  sleep 0.1
done
`;

/** certbot runs it in the folder of the order. */
export const HOOK_FILE = 'hook.sh';
export const CHALLENGES = 'challenges';

export type HookAction = 'publish' | 'remove';

export function hookCommand(action: HookAction): string {
  return `/bin/sh ${HOOK_FILE} ${action}`;
}

export interface HookRequest {
  action: HookAction;
  /** Where the record stands. */
  name: string;
  value: string;
}

/** Reads what the script has left; undefined when it is not what it leaves. */
export function readRequest(text: string): HookRequest | undefined {
  const [action, domain, value] = text.split('\n');
  if ((action !== 'publish' && action !== 'remove') || !domain || !value) return undefined;
  return { action, name: challengeRecord(domain), value };
}
