/** Unpacks the agent beside the one that runs. Variables: `version`, `archive`, `sha256`; it sets `target`. */
export const UNPACK = `target=$opt/$version
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
fi`;
