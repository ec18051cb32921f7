import type { Step } from './script.ts';

const PATIENCE_SECONDS = 60;

/** Waits until the agent has enrolled, which is when it removes the token, and runs. */
export const enrolment: Step = {
  name: 'enrolment',
  body: `
deadline=$(($(date +%s) + ${PATIENCE_SECONDS}))
until [ ! -e "$etc/enrol-token" ] && systemctl is-active --quiet "$unit"; do
  if [ "$(date +%s)" -ge $deadline ]; then
    words=$(journalctl -q -u "$unit" -n 3 -o cat 2>/dev/null | tr '\\n' ' ')
    systemctl is-active --quiet "$unit" || fault machine_service_failed "$words"
    fault agent_not_enrolled "$words"
  fi
  sleep 0.2
done
systemctl is-active --quiet "$unit"`,
};
