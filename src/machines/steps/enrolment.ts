import type { Step } from './script.ts';

/** An agent that runs needs some seconds, and a minute or more where the processor is made up in software. */
const PATIENCE_SECONDS = 240;
const MOST_RESTARTS = 5;

/** Waits until the agent has enrolled, which is when it removes the token, and runs. */
export const enrolment: Step = {
  name: 'enrolment',
  body: `
deadline=$(($(date +%s) + ${PATIENCE_SECONDS}))
until [ ! -e "$etc/enrol-token" ] && systemctl is-active --quiet "$unit"; do
  # An agent that ends again and again is not waited for.
  if [ "$(date +%s)" -ge $deadline ] || [ "$(systemctl show -p NRestarts --value "$unit")" -ge ${MOST_RESTARTS} ]; then
    words=$(journalctl -q -u "$unit" -n 3 -o cat 2>/dev/null | tr '\\n' ' ')
    [ "$(systemctl show -p NRestarts --value "$unit")" = 0 ] || fault machine_service_failed "$words"
    fault agent_not_enrolled "$words"
  fi
  sleep 0.2
done
rm -f "$etc/version-before"`,
};
