import type { Step } from './script.ts';

/**
 * How the agent finds and trusts the control plane. Values: `url`, `certificate`, `token`, `machine`. They are words of
 * the shell's own, never arguments of a program, which everybody on the machine could read.
 */
export const credentials: Step = {
  name: 'credentials',
  body: `
mkdir -p "$etc"
chmod 0700 "$etc"
(
  umask 077
  printf '%s\\n' "$certificate" | replace "$etc/control-plane.pem"
  printf '%s\\n' "$token" | replace "$etc/enrol-token"
  printf '%s\\n' "# The agent of machine $machine." "AGENTMETAL_URL=$url" | replace "$etc/agent.env"
)`,
};
