import { exec } from '../../host/exec.ts';
import { ApplyError } from './apply-error.ts';

const INSTALL_HINT =
  'Install it on the load balancer machine: apt-get install haproxy. `agentmetal doctor` shows what else is missing.';

export function haproxyMissing(binary: string): ApplyError {
  return new ApplyError(
    'haproxy_missing',
    `there is no HAProxy on this machine (${binary} was not found)`,
    INSTALL_HINT,
  );
}

/** Has HAProxy read a configuration file without starting it (`haproxy -c`). Warnings count as faults. */
export async function checkConfig(binary: string, path: string): Promise<void> {
  const result = await exec(binary, ['-c', '-f', path], 60_000);
  if (result.missing) throw haproxyMissing(binary);
  const faults = faultLines(result.stderr + result.stdout);
  if (result.code === 0 && faults.length === 0) return;
  const said = faults.length > 0 ? faults.join('; ') : 'it gave no reason';
  throw new ApplyError(
    'config_rejected',
    `HAProxy refuses the configuration: ${said}`,
    'The last good configuration is serving. Please report this: an accepted spec should always render to a valid configuration.',
  );
}

/** The version of the installed HAProxy, e.g. `2.6.12-1+deb12u4`; undefined when there is none. */
export async function installedVersion(binary: string): Promise<string | undefined> {
  const { stdout } = await exec(binary, ['-v']);
  return /^HAProxy version (\S+)/m.exec(stdout)?.[1];
}

/** What HAProxy says of the state file that we give it: that backends are down is no fault of the configuration. */
const ABOUT_STATE = /server state file|changed from server-state|has no server available/;
/** Lines that only repeat that there were others. */
const SUMMARY = /Fatal errors found|Error\(s\) found/;

/** The alerts and warnings about a configuration among what HAProxy wrote. */
export function faultLines(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /^\[(ALERT|WARNING)\]/.test(line) && !ABOUT_STATE.test(line) && !SUMMARY.test(line))
    .map((line) => line.replace(/^\[\w+\]\s*\(\d+\) : (config : )?/, '').trim());
}
