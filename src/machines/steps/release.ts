import type { Step } from './script.ts';

/**
 * Takes everything of ours off: the agent, what it started, its files, and the packages that were not there before,
 * unless something else needs one of them by now. The distribution's services are as they were.
 */
export const removal: Step = {
  name: 'release',
  body: `
# Without it nothing of ours was ever put here, and what looks like it is somebody else's.
[ -e "$etc/before" ] || exit 0
systemctl disable --now --quiet "$upgrade.path" 2>/dev/null || :
systemctl disable --now --quiet "$unit" 2>/dev/null || :
# HAProxy outlives the agent, so it is ended by itself: whatever was started with files of ours.
ours() {
  for process in /proc/[0-9]*; do
    pid=\${process#/proc/}
    [ "$pid" != $$ ] || continue
    if { tr '\\0' '\\n' <"$process/cmdline"; } 2>/dev/null | grep -q "^$state/\\|^$opt/"; then printf ' %s' "$pid"; fi
  done
}
tries=0
while pids=$(ours); [ -n "$pids" ]; do
  if [ $tries -lt 25 ]; then kill $pids 2>/dev/null || :; else kill -9 $pids 2>/dev/null || :; fi
  tries=$((tries + 1))
  [ $tries -lt 100 ] || fault machine_service_failed "processes$pids do not end"
  sleep 0.2
done
rm -f "$unit_file" "/etc/systemd/system/$upgrade.service" "/etc/systemd/system/$upgrade.path"
systemctl daemon-reload
systemctl reset-failed "$unit" 2>/dev/null || :
if [ -s "$etc/packages" ]; then
  names=$(tr '\\n' ' ' <"$etc/packages")
  going=$(apt-get -s -q purge $names 2>/dev/null | sed -n 's/^Purg \\([^ ]*\\).*/\\1/p' | sort -u)
  if [ -z "$(printf '%s\\n' "$going" | comm -23 - "$etc/packages")" ]; then
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=180 purge $names >/dev/null 2>&1 ||
      fault machine_packages_failed "these could not be removed: $names"
  else
    printf 'kept=%s\\n' "$names"
  fi
fi
for file in "$etc"/before/*.service "$etc"/before/*.timer; do
  [ -e "$file" ] || continue
  service=\${file##*/}
  systemctl unmask --quiet "$service" 2>/dev/null || :
  if [ "$(cat "$file")" = enabled ]; then
    systemctl enable --now --quiet "$service" 2>/dev/null || :
  else
    systemctl disable --now --quiet "$service" 2>/dev/null || :
  fi
done
rm -rf "$opt" "$state" "$logs" /var/cache/agentmetal /var/tmp/agentmetal.*
cd "$etc"
rm -f control-plane.pem enrol-token agent.env local.env packages version-before ./*.new
rm -rf before
rmdir "$etc" 2>/dev/null || :`,
};
