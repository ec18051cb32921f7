import { AGENT_UNIT } from '../unit.ts';
import { UPGRADE_PATH_UNIT, UPGRADE_SCRIPT, UPGRADE_UNIT } from '../upgrade-unit.ts';
import { type Step, quote } from './script.ts';

/** Makes the agent, and what upgrades it, a service, and starts it, or starts it anew; HAProxy goes on meanwhile. */
export const service: Step = {
  name: 'service',
  body: `
printf '%s' ${quote('the unit', AGENT_UNIT)} | replace "$unit_file"
printf '%s' ${quote('the upgrade', UPGRADE_SCRIPT)} | replace "$opt/upgrade"
printf '%s' ${quote('its unit', UPGRADE_UNIT)} | replace "/etc/systemd/system/$upgrade.service"
printf '%s' ${quote('its path', UPGRADE_PATH_UNIT)} | replace "/etc/systemd/system/$upgrade.path"
systemctl enable --no-reload --quiet "$unit" "$upgrade.path"
systemctl daemon-reload
systemctl start "$upgrade.path"
systemctl reset-failed "$unit" 2>/dev/null || :
systemctl restart "$unit" || fault machine_service_failed "$(journalctl -q -u "$unit" -n 3 -o cat | tr '\\n' ' ')"`,
};
