import { z } from 'zod';

/** The most of what was sent or answered that is kept, in characters; control characters are written out. */
export const MAX_EXCERPT = 1000;

export const Transition = z
  .strictObject({
    at: z.iso.datetime().describe('When, RFC 3339.'),
    state: z.enum(['up', 'down']),
    reason: z.string().max(400).describe('Why, in plain words.'),
  })
  .describe('A change of a backend’s health.');
export type Transition = z.infer<typeof Transition>;

export const CheckResult = z
  .strictObject({
    at: z.iso.datetime().describe('When it was first seen, RFC 3339; it may have been the same since.'),
    status: z
      .string()
      .max(32)
      .describe('HAProxy’s word for it, such as `L7STS` or `L4CON`; `EXIT` for a program.'),
    code: z.string().max(16).describe('Status of the answer, or exit code of the program; may be empty.'),
    description: z.string().max(400).describe('What HAProxy says of it, or the program’s first line.'),
    durationMs: z.number().min(0).describe('How long it took, in milliseconds.'),
  })
  .describe('What a check came to.');
export type CheckResult = z.infer<typeof CheckResult>;

export const Probe = z
  .strictObject({
    at: z.iso.datetime().describe('When it was begun, RFC 3339.'),
    durationMs: z.number().min(0).describe('How long it took, in milliseconds.'),
    address: z.string().max(64),
    port: z.int(),
    passed: z
      .boolean()
      .describe('Whether the check would have passed; of a regular expression it is not known.'),
    outcome: z.string().max(400).describe('What it came to, in words.'),
    sent: z
      .string()
      .max(MAX_EXCERPT + 1)
      .describe('What was sent, the first of it.'),
    received: z
      .string()
      .max(MAX_EXCERPT + 1)
      .describe('What was answered, the first of it.'),
  })
  .describe(
    'One look of the agent’s own, of the same kind as the check and to the same place. HAProxy does not keep what a backend answers, so this shows it.',
  );
export type Probe = z.infer<typeof Probe>;

export const BackendEvidence = z
  .strictObject({
    check: z.string().max(1200).describe('What is checked, and where, in words.'),
    result: CheckResult.optional().describe('The last failed check; absent when none is known.'),
    probe: Probe.optional().describe(
      'The agent’s own look; absent when there was none since the agent started.',
    ),
    transitions: z.array(Transition).max(20).describe('The last changes, the newest first.'),
  })
  .describe('What is known of why a backend is in its state.');
export type BackendEvidence = z.infer<typeof BackendEvidence>;
