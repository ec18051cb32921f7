import type { Step } from './script.ts';

/**
 * Unpacks the agent and switches to it. Values: `version`, `archive` (where the bundle lies), `sha256`. The version
 * before stays, and is written down, to go back to; older ones go.
 */
export const agent: Step = {
  name: 'agent',
  body: `
target=$opt/$version
mkdir -p "$etc" "$opt"
if [ ! -e "$target/.complete" ]; then
  printf '%s  %s\\n' "$sha256" "$archive" | sha256sum -c --status - || fault machine_copy_failed 'the copy of the agent is not what was sent'
  rm -rf "$target" "$target.part"
  mkdir "$target.part"
  tar -xzf "$archive" -C "$target.part" --no-same-owner
  # Compiled code is kept where it goes away with all the rest.
  XDG_CACHE_HOME=/var/cache "$target.part/bin/agentmetal" version >/dev/null || fault machine_os_unsupported 'the agent does not start on this machine'
  : >"$target.part/.complete"
  sync
  mv "$target.part" "$target"
fi
before=$(readlink "$opt/current" || :)
if [ "$before" != "$version" ]; then
  printf '%s\\n' "$before" | replace "$etc/version-before"
  ln -sfn "$version" "$opt/.current.new"
  mv -T "$opt/.current.new" "$opt/current"
  for folder in "$opt"/*; do
    case \${folder##*/} in current | "$version" | "$before") ;; *) rm -rf "$folder" ;; esac
  done
fi
rm -rf /var/tmp/agentmetal.*`,
};
