import { z } from 'zod';
import { cidrList } from './cidr.ts';
import { durationBetween } from './duration.ts';

const RATE_LIMIT_KEY = /^header:[A-Za-z][A-Za-z0-9_-]{0,63}$/;

export const RateLimit = z
  .strictObject({
    requests: z
      .int()
      .min(1)
      .max(1_000_000_000)
      .describe('Requests (tcp: connections) that each client may make in a window. Changes at run time.'),
    window: durationBetween(1000, 86_400_000)
      .default('60s')
      .describe('The window, which slides. Default: 60s.'),
    action: z
      .enum(['deny', 'tarpit', 'drop', 'observe'])
      .default('deny')
      .describe(
        'What becomes of what is over the limit: `deny` answers `status` at once (tcp: closes the connection), `tarpit` does so after 10 s (http), `drop` answers nothing, `observe` only counts. Default: deny.',
      ),
    key: z
      .union([
        z.enum(['source-ip', 'path']),
        z.string().regex(RATE_LIMIT_KEY, 'must be source-ip, path or header:NAME'),
      ])
      .default('source-ip')
      .describe(
        'What counts as one client: `source-ip` (IPv6 by /64), `path`, or `header:NAME`; requests without that header are not limited. Default: source-ip.',
      ),
    status: z
      .int()
      .min(400)
      .max(599)
      .default(429)
      .describe('Status of the answer (deny, tarpit; http). Default: 429 (RFC 6585).'),
    exempt: cidrList('Networks whose clients are not limited. Changes at run time. Default: none.'),
  })
  .describe(
    'How much a client may ask for. What is let through counts, so a client above the limit goes on getting the limit.',
  );
export type RateLimit = z.infer<typeof RateLimit>;
