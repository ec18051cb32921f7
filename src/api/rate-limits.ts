import { z } from 'zod';
import { MissingNodes } from './logs.ts';

/** The most keys of one limit that are shown. */
export const MAX_RATE_LIMIT_KEYS = 1000;

const count = () => z.int().min(0);

export const RateLimitKey = z
  .strictObject({
    key: z.string().max(1024).describe('The client: an address, a path or a header’s value.'),
    admitted: count().describe('Let through in the present window.'),
    denied: count().describe('Over the limit in the present window.'),
    admittedTotal: count().describe('Let through since the client was first seen.'),
    deniedTotal: count().describe('Over the limit since the client was first seen.'),
  })
  .describe('A client of a limit.');
export type RateLimitKey = z.infer<typeof RateLimitKey>;

export const RateLimitUse = z
  .strictObject({
    name: z.string().max(80).describe('`all` for the limit of the spec, else the route that it is for.'),
    requests: z.int().describe('Requests (tcp: connections) of each client in a window.'),
    window: z.string().max(16).describe('The window.'),
    key: z.string().max(80).describe('What counts as one client.'),
    action: z.string().max(16).describe('What becomes of what is over the limit.'),
    clients: count().describe('Clients that are counted now.'),
    isComplete: z
      .boolean()
      .describe(
        'False when there are too many clients to look at all of them; then some busy ones may be missing.',
      ),
    keys: z
      .array(RateLimitKey)
      .max(MAX_RATE_LIMIT_KEYS)
      .describe('Those that are denied most, then the busiest.'),
  })
  .describe('How a limit is used.');
export type RateLimitUse = z.infer<typeof RateLimitUse>;

export const RateLimitList = z
  .strictObject({ items: z.array(RateLimitUse), missing: MissingNodes.optional() })
  .describe('How the rate limits are used.');
export type RateLimitList = z.infer<typeof RateLimitList>;
