import { z } from 'zod';
import { regexFault } from './check-regex.ts';
import { utf8Length } from './text.ts';

/** The most bytes that one step sends or expects. */
const MAX_BYTES = 2048;
/** The most steps of one check. */
const MAX_STEPS = 32;

const HEX = /^([0-9A-Fa-f]{2})+$/;

const Payload = z
  .string()
  .min(1)
  .refine((text) => text.isWellFormed(), 'must not hold halves of characters')
  .refine((text) => utf8Length(text) <= MAX_BYTES, `must be at most ${MAX_BYTES} bytes of UTF-8`);

const Connect = z.strictObject({
  port: z.int().min(1).max(65_535).optional().describe('Port. Default: that of the check.'),
  tls: z
    .boolean()
    .optional()
    .describe('Whether TLS is spoken; the certificate is not verified. Default: as the backend’s traffic.'),
});

const STEP_KINDS = ['connect', 'send', 'sendHex', 'expect', 'expectRegex'] as const;

export const CheckStep = z
  .strictObject({
    connect: Connect.optional().describe('Opens a new connection; the one before is closed.'),
    send: Payload.optional().describe('Sends this text, as UTF-8. Line ends are written out: `PING\\r\\n`.'),
    sendHex: z
      .string()
      .max(2 * MAX_BYTES)
      .regex(HEX, 'must be bytes in hexadecimal, two digits each')
      .optional()
      .describe('Sends these bytes, in hexadecimal.'),
    expect: Payload.optional().describe('Waits until the answer holds this text.'),
    expectRegex: z
      .string()
      .min(1)
      .max(256)
      .check((context) => {
        const fault = regexFault(context.value);
        if (fault !== undefined)
          context.issues.push({ code: 'custom', message: fault, input: context.value });
      })
      .optional()
      .describe(
        'Waits until the answer matches this regular expression: literals, classes, groups, `|`, `*`, `+`, `?`, `{n,m}`, `^`, `$`. A search that would take long counts as no match.',
      ),
  })
  .refine(
    (step) => STEP_KINDS.filter((kind) => step[kind] !== undefined).length === 1,
    `must have exactly one of ${STEP_KINDS.join(', ')}`,
  )
  .describe('One step of a conversation with the backend.');
export type CheckStep = z.infer<typeof CheckStep>;

export const CheckSteps = z
  .array(CheckStep)
  .min(1)
  .max(MAX_STEPS)
  .describe(
    'The conversation that passes the check (custom), in order. It begins with a connection to the backend unless its first step is `connect`. What is expected is looked for in all that was answered since the last `send`.',
  );
