import { z } from 'zod';
import { durationBetween } from './duration.ts';

/** RFC 6265 `token`, without the characters that need quoting anywhere. */
const COOKIE_NAME = /^[A-Za-z0-9_-]{1,64}$/;

export const DEFAULT_COOKIE_NAME = 'SERVERID';
/** How long a client address stays bound that is not seen any more. */
export const DEFAULT_SOURCE_TTL = '30m';

/** Session affinity: a client keeps its backend. */
export const Sticky = z
  .strictObject({
    mode: z
      .enum(['cookie', 'source-ip'])
      .describe('How a client is known again: by a cookie (http only) or by its address.'),
    cookieName: z
      .string()
      .regex(COOKIE_NAME, 'must be 1 to 64 letters, digits, hyphens and underscores')
      .optional()
      .describe('Name of the cookie (cookie). Default: SERVERID.'),
    ttl: durationBetween(1000, 31_536_000_000)
      .optional()
      .describe(
        'cookie: Max-Age, counted from when the client was bound; without it the cookie ends with the browser’s session. source-ip: how long an address that is not seen stays bound. Default: none; 30m.',
      ),
    secure: z
      .boolean()
      .optional()
      .describe(
        'cookie: whether it carries the attribute Secure. Default: where the request came over HTTPS.',
      ),
    httpOnly: z
      .boolean()
      .optional()
      .describe('cookie: whether it carries the attribute HttpOnly. Default: true.'),
    sameSite: z
      .enum(['strict', 'lax', 'none'])
      .optional()
      .describe('cookie: its attribute SameSite; `none` needs HTTPS. Default: lax.'),
  })
  .describe('Sticky sessions: a client keeps its backend. Bound clients stay while a backend drains.');
export type StickyInput = z.infer<typeof Sticky>;

/** Stickiness with every default filled in. */
export type Sticky =
  | {
      mode: 'cookie';
      cookieName: string;
      ttl?: string | undefined;
      secure?: boolean | undefined;
      httpOnly: boolean;
      sameSite: 'strict' | 'lax' | 'none';
    }
  | { mode: 'source-ip'; ttl: string };

/** The fields that only a cookie has. */
export const COOKIE_FIELDS = ['cookieName', 'secure', 'httpOnly', 'sameSite'] as const;

export function completeSticky(input: StickyInput): Sticky {
  if (input.mode === 'source-ip') return { mode: 'source-ip', ttl: input.ttl ?? DEFAULT_SOURCE_TTL };
  return {
    mode: 'cookie',
    cookieName: input.cookieName ?? DEFAULT_COOKIE_NAME,
    ...(input.ttl === undefined ? {} : { ttl: input.ttl }),
    ...(input.secure === undefined ? {} : { secure: input.secure }),
    httpOnly: input.httpOnly ?? true,
    sameSite: input.sameSite ?? 'lax',
  };
}
