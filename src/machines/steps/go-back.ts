import type { Step } from './script.ts';

const PATIENCE_SECONDS = 20;

/**
 * Switches back to the agent of before, when a newer one was just switched to and does not do its work. The newer one goes,
 * so that the next attempt unpacks it anew. Prints which version runs again, if one does.
 */
export const goBack: Step = {
  name: 'agent',
  body: `
before=$(cat "$etc/version-before" 2>/dev/null || :)
now=$(readlink "$opt/current" || :)
if [ -n "$before" ] && [ "$before" != "$now" ] && [ -e "$opt/$before/.complete" ]; then
  ln -sfn "$before" "$opt/.current.new"
  mv -T "$opt/.current.new" "$opt/current"
  rm -rf "\${opt:?}/$now" "$etc/version-before"
  systemctl restart "$unit"
  deadline=$(($(date +%s) + ${PATIENCE_SECONDS}))
  until systemctl is-active --quiet "$unit" || [ "$(date +%s)" -ge $deadline ]; do sleep 0.2; done
  ! systemctl is-active --quiet "$unit" || printf 'runs=%s\\n' "$before"
fi`,
};
