import { z } from 'zod';

/** The longest body that is answered without a backend, in bytes of UTF-8: HAProxy has it in one buffer of 16 KiB. */
const MAX_BODY = 8192;

/** Any text that can be sent: no NUL, no half of a character (RFC 3629). */
// oxlint-disable-next-line no-control-regex
const SENDABLE = /^[^\u0000\ud800-\udfff]*$/u;

/** A body that is answered without a backend. */
export const BodyText = z
  .string()
  .max(MAX_BODY, { abort: true })
  .refine((text) => utf8Length(text) <= MAX_BODY, `must be at most ${MAX_BODY} bytes of UTF-8`)
  .regex(SENDABLE, 'must be text without NUL and without halves of characters');

const MEDIA_TYPE = /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*(; ?charset=[A-Za-z0-9-]+)?$/;

export const ContentType = z
  .string()
  .max(100)
  .regex(MEDIA_TYPE, 'must be a media type such as text/html; charset=utf-8');

export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
