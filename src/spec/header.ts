import { z } from 'zod';

/** RFC 9110 `token` of the usual characters. */
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** RFC 9110 `field-value`: visible text, spaces inside, no control characters; no half of a character (RFC 3629). */
// oxlint-disable-next-line no-control-regex
const HEADER_VALUE = /^(?! )[^\u0000-\u001f\u007f\ud800-\udfff]*(?<! )$/u;

/** Fields that say where a message ends or how the connection goes on: those are HAProxy's own. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

export const HeaderName = z
  .string()
  .regex(HEADER_NAME, 'must be a header name such as X-Tenant: letters, digits, hyphens and underscores');

export const HeaderValue = z
  .string()
  .min(1)
  .max(2048)
  .regex(HEADER_VALUE, 'must be one line of text without spaces around it');

const ChangedHeaderName = HeaderName.refine(
  (name) => !FRAMING.has(name.toLowerCase()),
  'is the proxy’s own: it says how the connection goes on',
);

/** Values by header name. Names are alike in capitals and small letters, so each may be there once. */
export function headerValues(name: typeof HeaderName, max: number) {
  return z
    .record(name, HeaderValue)
    .refine((entries) => Object.keys(entries).length <= max, `at most ${max} headers`)
    .superRefine((entries, context) => {
      const seen = new Map<string, string>();
      for (const key of Object.keys(entries)) {
        const other = seen.get(key.toLowerCase());
        seen.set(key.toLowerCase(), key);
        if (other !== undefined)
          context.addIssue({ code: 'custom', path: [key], message: `is the same header as ${other}` });
      }
    });
}

const values = (description: string) => headerValues(ChangedHeaderName, 64).default({}).describe(description);

const HeaderChanges = z.strictObject({
  set: values('Headers to set, in place of those of that name. Default: none.'),
  add: values('Headers to add to those of that name. Default: none.'),
  remove: z
    .array(ChangedHeaderName)
    .max(64)
    .default([])
    .describe('Names of headers to take away, before others are set. Default: none.'),
});
export type HeaderChanges = z.infer<typeof HeaderChanges>;

export const Headers = z
  .strictObject({
    request: HeaderChanges.prefault({}).describe('What backends get.'),
    response: HeaderChanges.prefault({}).describe('What clients get.'),
  })
  .describe('Headers to change on the way. Values are literal text.');
export type Headers = z.infer<typeof Headers>;
