import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { agent } from './agent.ts';
import { credentials } from './credentials.ts';
import { download } from './download.ts';
import { enrolment } from './enrolment.ts';
import { goBack } from './go-back.ts';
import { HINTS, stepFault } from './fault.ts';
import { OLDEST_HAPROXY, packages } from './packages.ts';
import { removal } from './release.ts';
import { compose, composeForPeople, quote } from './script.ts';
import { service } from './service.ts';
import { system } from './system.ts';
import { UPGRADE_SCRIPT } from '../upgrade-unit.ts';

const folder = mkdtempSync(join(tmpdir(), 'am-script-'));
afterAll(() => rmSync(folder, { recursive: true }));

const STEPS = [system, packages, download, agent, credentials, service, enrolment, goBack, removal];
const hostile = fc.string({ unit: fc.constantFrom(...`'"\`$(){};|&<>*?!#~\\ \t\n-a`.split('')) });

describe('a value', () => {
  test('is one word of the shell, whatever it holds', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const said = execFileSync('sh', ['-s'], { input: `printf '%s.' ${quote('it', text)}\n` }).toString();
        expect(said).toBe(`${text}.`);
      }),
      { numRuns: 60 },
    );
  });

  test('with a NUL byte is refused', () => {
    expect(() => quote('token', 'a\0b')).toThrow('token holds a NUL byte');
  });
});

describe('a script', () => {
  const touch = { name: 'touch', body: `: >'${folder}/made'; cat; echo "value=$value"` };

  test.each(STEPS)('of step $name can be read by sh', (step) => {
    const { status, stderr } = spawnSync('sh', ['-n'], { input: compose(step, { value: "it's" }) });
    expect(stderr.toString()).toBe('');
    expect(status).toBe(0);
  });

  test('that arrives in part does nothing', () => {
    const whole = compose(touch, { value: 'x' });
    for (const length of [whole.length - 2, whole.length - 5, Math.floor(whole.length / 2)]) {
      spawnSync('sh', ['-s'], { input: whole.slice(0, length) });
    }
    expect(spawnSync('ls', [folder]).stdout.toString()).toBe('');
  });

  test('for people says what it does, and what to do about a fault', () => {
    const step = { name: 'try', body: "fault machine_disk_full 'no room'" };
    const script = composeForPeople([step], HINTS, {});
    // Locks and root are the machine's; what is looked at here is what it says.
    const tame = script.replace(/^mkdir.*\nexec 9.*\nflock.*$/m, '').replace(/^\[ "\$\(id -u\).*$/m, '');
    const { status, stderr } = spawnSync('sh', ['-s'], { input: tame });
    expect(stderr.toString()).toBe(`agentmetal: try\nagentmetal: no room\n${HINTS.machine_disk_full}\n`);
    expect(status).toBe(70);
  });
});

describe('the fault of a step', () => {
  const faultOf = (stderr: string) => stepFault('10.0.0.5', 'packages', { code: 70, stdout: '', stderr });

  test('is what its script says', () => {
    const fault = faultOf('noise\nagentmetal-fault machine_busy E: Could not get lock\n');
    expect(fault.code).toBe('machine_busy');
    expect(fault.message).toContain('10.0.0.5');
    expect(fault.message).toContain('Could not get lock');
    expect(fault.hint).toBe(HINTS.machine_busy);
  });

  test('is one of steps alone, however a machine calls it, and shows nothing hidden', () => {
    const fault = faultOf('agentmetal-fault last_admin_key \u001b[2Jgone\n');
    expect(fault.code).toBe('machine_script_failed');
    expect(fault.message).not.toContain('\u001b');
  });

  test('is a full disk wherever that is met', () => {
    expect(faultOf('tar: write error: No space left on device').code).toBe('machine_disk_full');
  });
});

test('what switches to another agent can be read by sh', () => {
  expect(spawnSync('sh', ['-n'], { input: UPGRADE_SCRIPT, encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  });
});

describe('the HAProxy of a distribution', () => {
  // What `haproxy -v` says there; Ubuntu is not at hand in tests.
  const check = (version: string) => {
    const said = `HAProxy version ${version} 2026/01/01 - https://haproxy.org/`;
    const body = `haproxy() { echo '${said}'; }\n${OLDEST_HAPROXY}`;
    return spawnSync('sh', ['-s'], { input: compose({ name: 'packages', body }, {}), encoding: 'utf8' });
  };

  test.each(['2.6.12-1+deb12u4', '2.8.5-1ubuntu3', '3.0.11-1+deb13u2', '2.10.1'])(
    '%s is new enough',
    (version) => {
      expect(check(version).stdout).toBe(`haproxy=${version}\n`);
    },
  );

  test.each(['2.4.24-0ubuntu0.22.04.1', '2.5-dev3', '2.0', '1.8.19'])('%s is too old', (version) => {
    const { status, stderr } = check(version);
    expect({ status, stderr }).toEqual({
      status: 70,
      stderr: `agentmetal-fault machine_haproxy_too_old HAProxy ${version} is installed\n`,
    });
  });
});
