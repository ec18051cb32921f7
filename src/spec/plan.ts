import { z } from 'zod';

/**
 * How a change reaches HAProxy: `none` (nothing to do), `start` and `stop` (the process itself), `runtime` (by the
 * runtime API, nothing reloads) or `reload` (a new worker takes over the listening sockets).
 */
export const ApplyPath = z.enum(['none', 'start', 'runtime', 'reload', 'stop']);
export type ApplyPath = z.infer<typeof ApplyPath>;

export const StepAction = z.enum([
  'start',
  'stop',
  'reload',
  'add-backend',
  'remove-backend',
  'set-address',
  'set-weight',
  'set-max-connections',
  'drain-backend',
  'enable-backend',
  'set-access',
  'set-rate-limit',
  'set-routes',
  'set-maintenance',
  'set-proxy-protocol',
  'set-redirect',
  'set-challenge',
  'order-certificate',
  'add-certificate',
  'replace-certificate',
  'remove-certificate',
]);
export type StepAction = z.infer<typeof StepAction>;

export const PlanStep = z
  .strictObject({
    action: StepAction,
    how: z.enum(['runtime', 'reload', 'start', 'stop']).describe('By which path the step is done.'),
    target: z.string().optional().describe('The backend that it concerns.'),
    pool: z.string().optional().describe('The pool of that backend.'),
    detail: z.string().describe('What is done and whom it touches, in words.'),
  })
  .describe('One step of a change.');
export type PlanStep = z.infer<typeof PlanStep>;

export const Plan = z
  .strictObject({
    path: ApplyPath.describe('The costliest path that any step takes.'),
    steps: z.array(PlanStep).describe('What is done, in order.'),
  })
  .describe('What a change does to each node before it is done.');
export type Plan = z.infer<typeof Plan>;

export const Receipt = z
  .strictObject({
    revision: z.int().describe('The revision that was applied.'),
    machine: z.string().describe('The machine on which it was applied.'),
    outcome: z.enum(['applied', 'failed']).describe('Whether the revision is live on the machine.'),
    path: ApplyPath.describe('The path that was taken.'),
    startedAt: z.iso.datetime().describe('When the machine began, RFC 3339.'),
    durationMs: z.number().describe('Time from then to the verified end, in milliseconds.'),
    steps: z.array(PlanStep).describe('What was done.'),
    verified: z.array(z.string()).describe('What was looked at afterwards and found as wanted.'),
    connectionsCut: z.int().describe('Connections that were ended by the change.'),
    error: z
      .strictObject({
        code: z.string().describe('Stable word for the kind of failure.'),
        detail: z.string().describe('What happened.'),
        hint: z.string().optional().describe('What mends it.'),
      })
      .optional()
      .describe('Why it failed.'),
    restored: z.boolean().describe('After a failure: whether the last good state is serving.'),
    replaces: z
      .strictObject({
        machine: z.string().describe('The machine that was lost.'),
        reason: z.string().describe('Why it was taken for lost.'),
      })
      .optional()
      .describe('The node whose place the machine took; absent where it took none.'),
  })
  .describe('What a revision did on one node.');
export type Receipt = z.infer<typeof Receipt>;
