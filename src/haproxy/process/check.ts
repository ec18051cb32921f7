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

/** The alerts and warnings among what HAProxy wrote, without those about a state file that is not there yet. */
export function faultLines(output: string): string[] {
  return output
    .split('\n')
    .filter(
      (line) =>
        /^\[(ALERT|WARNING)\]/.test(line) &&
        !/server state file|Fatal errors found|Error\(s\) found/.test(line),
    )
    .map((line) => line.replace(/^\[\w+\]\s*\(\d+\) : (config : )?/, '').trim());
}
