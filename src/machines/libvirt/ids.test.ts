import { expect, test } from 'vitest';
import { machineIdOf, macOf, uuidOf } from './ids.ts';

test('what a machine is known by is the same each time, and another one for another machine', () => {
  for (const id of [uuidOf, macOf, machineIdOf]) {
    expect(id('/machines/1', 'eth0')).toBe(id('/machines/1', 'eth0'));
    expect(id('/machines/1', 'eth0')).not.toBe(id('/machines/1', 'eth1'));
    expect(id('/machines/1', 'eth0')).not.toBe(id('/machines/2', 'eth0'));
  }
});

test('a UUID is of version 8, a card has a unicast address that is no maker’s', () => {
  for (let number = 0; number < 100; number++) {
    expect(uuidOf(String(number))).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(macOf(String(number))).toMatch(/^52(:[0-9a-f]{2}){5}$/);
    expect(machineIdOf(String(number))).toMatch(/^[0-9a-f]{32}$/);
  }
});
