import { AGENT_UNIT } from '../unit.ts';
import { type Step, quote } from './script.ts';

/** Makes the agent a service, and starts it, or starts it anew; HAProxy goes on meanwhile. */
export const service: Step = {
  name: 'service',
  body: `
printf '%s' ${quote('the unit', AGENT_UNIT)} | replace "$unit_file"
systemctl daemon-reload
systemctl enable --quiet "$unit"
systemctl reset-failed "$unit" 2>/dev/null || :
systemctl restart "$unit" || fault machine_service_failed "$(journalctl -q -u "$unit" -n 3 -o cat | tr '\\n' ' ')"`,
};
