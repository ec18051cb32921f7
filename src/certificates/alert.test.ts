import { describe, expect, test } from 'vitest';
import { type Renewal, lifeAlert } from './alert.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BEGIN = Date.parse('2026-11-01T00:00:00Z');

const at = (renewal: Renewal, lifeMs: number, ageMs: number) =>
  lifeAlert(
    {
      loadBalancer: 'web-lb',
      domain: 'app.example.com',
      certificate: 'main',
      life: { notBefore: BEGIN, notAfter: BEGIN + lifeMs },
      renewal,
    },
    BEGIN + ageMs,
  );

describe('the stage goes by the share of the life that is left', () => {
  test.each<[Renewal, days: number, age: number, stage: string]>([
    ['by-itself', 90, 0, 'none'],
    ['by-itself', 90, 60, 'none'],
    ['by-itself', 90, 67, 'none'],
    ['by-itself', 90, 68, 'warning'],
    ['by-itself', 90, 80.9, 'warning'],
    ['by-itself', 90, 81.1, 'critical'],
    ['by-itself', 90, 90, 'expired'],
    ['by-itself', 45, 33, 'none'],
    ['by-itself', 45, 34, 'warning'],
    ['by-itself', 45, 41, 'critical'],
    ['by-itself', 6, 4, 'none'],
    ['by-itself', 6, 5, 'warning'],
    ['by-itself', 6, 5.5, 'critical'],
    ['on-request', 90, 59, 'none'],
    ['on-request', 90, 61, 'warning'],
    ['on-request', 90, 82, 'critical'],
    ['by-upload', 365, 273, 'none'],
    ['by-upload', 365, 274, 'warning'],
    ['by-upload', 365, 330, 'critical'],
    ['by-upload', 365, 400, 'expired'],
  ])('%s, %d days, after %d: %s', (renewal, days, age, stage) => {
    expect(at(renewal, days * DAY, age * DAY).stage).toBe(stage);
  });
});

test('what it says is why, and the command that mends it', () => {
  expect(at('by-itself', 90 * DAY, 30 * DAY)).toEqual({ stage: 'none', message: '', whatToDo: '' });
  expect(at('by-itself', 90 * DAY, 70 * DAY)).toMatchObject({
    message: 'it ends in 20 days, at 2027-01-30T00:00:00Z, and should have been renewed by now',
    whatToDo: expect.stringContaining('agentmetal lb tls renew web-lb --domain app.example.com'),
  });
  expect(at('on-request', 90 * DAY, 62 * DAY)).toMatchObject({
    message: expect.stringContaining('tls.autoRenew is off'),
    whatToDo: expect.stringContaining('agentmetal lb tls set web-lb --auto-renew'),
  });
  expect(at('by-upload', 90 * DAY, 93 * DAY)).toMatchObject({
    message: 'it ended 3 days ago, at 2027-01-30T00:00:00Z: clients refuse it',
    whatToDo:
      'Upload its successor: agentmetal lb tls upload web-lb --certificate main --cert FILE --key FILE',
  });
});
