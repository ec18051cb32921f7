import { z } from 'zod';

/** Bounds of the time for which a change may be guarded. */
export const MIN_GUARD_MS = 5000;
export const MAX_GUARD_MS = 3_600_000;

export const GuardState = z
  .enum(['watching', 'passed', 'restored', 'superseded', 'failed', 'unknown'])
  .describe(
    '`watching`: not over yet. `passed`: nothing got worse, the revision is kept. `restored`: it got worse, and the revision before is back. `superseded`: a newer revision came first. `failed`: the revision could not be applied, or the one before could not be brought back. `unknown`: nobody could watch to the end; the revision is kept.',
  );
export type GuardState = z.infer<typeof GuardState>;

export const GuardTraffic = z
  .strictObject({
    requests: z.int().min(0).describe('Requests that went to a pool (tcp: connections).'),
    errors: z
      .int()
      .min(0)
      .describe('Those answered with 5xx, HAProxy’s own 503 included (tcp: that reached no backend).'),
    responseMs: z
      .number()
      .min(0)
      .optional()
      .describe(
        'Average time to the answer in milliseconds: queue, connection and backend. Absent when none was measured.',
      ),
  })
  .describe('Traffic over a stretch of time.');
export type GuardTraffic = z.infer<typeof GuardTraffic>;

export const GuardView = z
  .strictObject({
    secondsLeft: z.number().min(0).describe('Seconds until the guard ends.'),
    before: GuardTraffic.describe('In the minute before the change.'),
    after: GuardTraffic.describe('Since the revision is live.'),
    healthy: z.int().min(0).describe('Backends that pass their check, of those that should take clients.'),
    total: z.int().min(0).describe('Backends that should take clients.'),
  })
  .describe('What a machine sees while it watches.');
export type GuardView = z.infer<typeof GuardView>;

/** What a machine has come to. It restores nothing by itself: that is the control plane's. */
export const GuardVerdict = z.enum(['watching', 'passed', 'violated', 'unknown']);
export type GuardVerdict = z.infer<typeof GuardVerdict>;

export const MachineGuard = z
  .strictObject({
    machine: z.string().describe('Name of the machine.'),
    verdict: GuardVerdict.describe('What the machine has come to.'),
    reason: z.string().describe('Why, in words.'),
    view: GuardView.optional().describe('What it saw last. Absent until the revision is live there.'),
  })
  .describe('The guard of a revision on one machine.');
export type MachineGuard = z.infer<typeof MachineGuard>;

/** The numbers in words: `0.2 % of 1204 requests failed (0.1 % before), 4 of 4 backends healthy, 12 ms (11 ms before)`. */
export function describeView({ before, after, healthy, total }: Omit<GuardView, 'secondsLeft'>): string {
  const failed =
    after.requests === 0
      ? 'no requests'
      : `${percent(after)} of ${after.requests} requests failed${before.requests === 0 ? '' : ` (${percent(before)} before)`}`;
  const time =
    after.responseMs === undefined
      ? ''
      : `, ${milliseconds(after.responseMs)}${before.responseMs === undefined ? '' : ` (${milliseconds(before.responseMs)} before)`}`;
  return `${failed}, ${healthy} of ${total} backends healthy${time}`;
}

/** Share of requests that failed, from 0 to 1. */
export function errorShare({ requests, errors }: Pick<GuardTraffic, 'requests' | 'errors'>): number {
  return requests === 0 ? 0 : errors / requests;
}

export function percent(traffic: Pick<GuardTraffic, 'requests' | 'errors'>): string {
  return `${(errorShare(traffic) * 100).toFixed(1)} %`;
}

export function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}
