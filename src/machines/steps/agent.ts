import type { Step } from './script.ts';
import { UNPACK } from './unpack.ts';

/**
 * Unpacks the agent and switches to it. Values: `version`, `archive` (where the bundle lies), `sha256`. The version
 * before stays, and is written down, to go back to; older ones go.
 */
export const agent: Step = {
  name: 'agent',
  body: `
mkdir -p "$etc" "$opt"
${UNPACK}
before=$(readlink "$opt/current" || :)
if [ "$before" != "$version" ]; then
  printf '%s\\n' "$before" | replace "$etc/version-before"
  ln -sfn "$version" "$opt/.current.new"
  mv -T "$opt/.current.new" "$opt/current"
  for folder in "$opt"/*/; do
    case $(basename "$folder") in current | "$version" | "$before") ;; *) rm -rf "$folder" ;; esac
  done
fi
rm -rf /var/tmp/agentmetal.*`,
};
