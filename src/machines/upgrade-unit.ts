import { PRELUDE } from './steps/script.ts';
import { UNPACK } from './steps/unpack.ts';

/** So long a new agent has until it reports. */
const PATIENCE_SECONDS = 60;

/** Starts what switches to another agent as soon as the agent has put one there. After a restart of the machine it goes on. */
export const UPGRADE_PATH_UNIT = `[Unit]
Description=Watches for another version of the AgentMetal load balancer agent

[Path]
PathExists=/var/lib/agentmetal-agent/upgrade/wanted
Unit=agentmetal-upgrade.service

[Install]
WantedBy=multi-user.target
`;

export const UPGRADE_UNIT = `[Unit]
Description=Switches to another version of the AgentMetal load balancer agent
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh /opt/agentmetal/upgrade
`;

/**
 * Switches to the agent that lies ready, and back when that one does not report within a minute: it is the machine itself
 * that goes back, because the control plane may be what the new agent cannot reach. It reads `wanted` (version and SHA-256)
 * and leaves `failed` (version and reason) where it went back.
 */
export const UPGRADE_SCRIPT = `#!/bin/sh
${PRELUDE}
here=$state/upgrade
archive=$here/agent.tar.gz
version=unknown
exec 9>/run/lock/agentmetal-machine
flock -w 300 9
[ -e "$here/wanted" ] || exit 0
# As long as the file is there this is started again, so that whatever ends here must take it away.
trap '[ $? = 0 ] || { printf "%s %s\\n" "$version" "the switch itself failed: journalctl -u $upgrade" >"$here/failed"; rm -f "$here/wanted"; }' EXIT
read -r version sha256 <"$here/wanted"
refuse() {
  printf '%s %s\\n' "$version" "$1" | replace "$here/failed"
  rm -f "$here/wanted" "$archive"
  exit 0
}
switch() {
  ln -sfn "$1" "$opt/.current.new"
  mv -T "$opt/.current.new" "$opt/current"
  systemctl restart "$unit" || :
}
case $version in '' | *[!0-9A-Za-z.-]*) version=unknown; refuse 'its version cannot be read' ;; esac
before=$(readlink "$opt/current" || :)
if [ "$before" != "$version" ]; then
  # A shell of its own, which ends at the first thing that fails.
  env opt="$opt" version="$version" archive="$archive" sha256="$sha256" sh -eu -s >"$here/unpacked" 2>&1 <<'UNPACK' || :
fault() { printf '%s\\n' "$2" >&2; exit 70; }
${UNPACK}
UNPACK
  [ -e "$opt/$version/.complete" ] || refuse "it cannot be unpacked: $(tail -n 2 "$here/unpacked" | cut -c 1-300 | tr '\\n' ' ')"
  printf '%s\\n' "$before" | replace "$etc/version-before"
  rm -f "$here/reported"
  since=$(date '+%Y-%m-%d %H:%M:%S')
  switch "$version"
else
  before=$(cat "$etc/version-before" 2>/dev/null || :)
  since=today
fi
deadline=$(($(date +%s) + ${PATIENCE_SECONDS}))
until [ "$(cat "$here/reported" 2>/dev/null || :)" = "$version" ]; do
  if [ "$(date +%s)" -ge $deadline ]; then
    words=$(journalctl -q -u "$unit" --since "$since" -n 3 -o cat 2>/dev/null | cut -c 1-300 | tr '\\n' ' ' || :)
    if [ -n "$before" ] && [ -e "$opt/$before/.complete" ]; then
      switch "$before"
      rm -rf "\${opt:?}/$version" "$etc/version-before"
      refuse "it did not report within ${PATIENCE_SECONDS} seconds, and $before runs again: $words"
    fi
    refuse "it did not report within ${PATIENCE_SECONDS} seconds, and there is none to go back to: $words"
  fi
  sleep 0.5
done
rm -f "$here/wanted" "$archive" "$here/failed" "$etc/version-before"
for folder in "$opt"/*/; do
  case $(basename "$folder") in current | "$version" | "$before") ;; *) rm -rf "$folder" ;; esac
done
`;
