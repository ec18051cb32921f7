import { expect, test } from 'vitest';
import { controlPlaneSettings } from './service-options.ts';

const GIVEN = {
  listen: undefined,
  dataDir: undefined,
  addressPool: undefined,
  allowLoopbackBackends: false,
  insecureListen: false,
  resolver: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  agentListen: undefined,
  agentUrl: undefined,
  replaceAfter: undefined,
  replaceAtOnce: undefined,
  agentUpgrades: undefined,
};
const settings = (
  given: Partial<typeof GIVEN> | { replaceAfter?: string; replaceAtOnce?: number; agentUpgrades?: string },
) => controlPlaneSettings({ ...GIVEN, ...given }, { HOME: '/home/somebody' });

test('when machines that are silent are replaced', () => {
  expect(settings({})).not.toHaveProperty('replacement');
  expect(settings({ replaceAfter: '10m' })).toMatchObject({ replacement: { afterMs: 600_000 } });
  expect(settings({ replaceAtOnce: 2 })).toMatchObject({ replacement: { atOnce: 2 } });
  expect(settings({ replaceAfter: 'never' })).toMatchObject({ replacement: 'never' });
  for (const replaceAfter of ['29s', 'soon', '5'])
    expect(() => settings({ replaceAfter })).toThrow('--replace-after must be a duration of 30s or more');
  expect(() => settings({ replaceAtOnce: 0 })).toThrow('--replace-at-once must be 1 or more');
});

test('whether agents are upgraded by themselves', () => {
  expect(settings({})).not.toHaveProperty('agentUpgrades');
  expect(settings({ agentUpgrades: 'manual' })).toMatchObject({ agentUpgrades: 'manual' });
  expect(() => settings({ agentUpgrades: 'never' })).toThrow('--agent-upgrades must be auto or manual');
});
