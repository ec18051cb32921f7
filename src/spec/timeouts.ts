import { z } from 'zod';
import { durationBetween } from './duration.ts';

const timeout = (description: string) => durationBetween(1, 604_800_000).optional().describe(description);

export const Timeouts = z
  .strictObject({
    connect: timeout('Time for a connection to a backend to open. Default: 5s.'),
    client: timeout('How long a client may be silent. Default: 60s; tcp: 1h.'),
    server: timeout('How long a backend may be silent. Default: 60s; tcp: 1h.'),
    queue: timeout('How long a request may wait for a backend with a free place. Default: 30s.'),
    tunnel: timeout('How long a websocket may be silent in both directions (http). Default: 1h.'),
    request: timeout('Time for the whole of a request’s headers to come in (http). Default: 10s.'),
    keepAlive: timeout('How long an idle connection waits for its next request (http). Default: 60s.'),
    drain: timeout(
      'How long connections that were open before a reload may go on, counted from the reload. Default: 12h.',
    ),
  })
  .describe('How long to wait for what.');
export type TimeoutsInput = z.infer<typeof Timeouts>;

/** Timeouts with every default filled in. Those that only http has are absent for tcp. */
export interface Timeouts {
  connect: string;
  client: string;
  server: string;
  queue: string;
  drain: string;
  tunnel?: string | undefined;
  request?: string | undefined;
  keepAlive?: string | undefined;
}

/** The timeouts that only HTTP has. */
export const HTTP_TIMEOUTS = ['tunnel', 'request', 'keepAlive'] as const;

export function completeTimeouts(input: TimeoutsInput, balancer: 'http' | 'tcp'): Timeouts {
  const silence = balancer === 'http' ? '60s' : '1h';
  const common = {
    connect: input.connect ?? '5s',
    client: input.client ?? silence,
    server: input.server ?? silence,
    queue: input.queue ?? '30s',
    drain: input.drain ?? '12h',
  };
  if (balancer === 'tcp') return common;
  return {
    ...common,
    tunnel: input.tunnel ?? '1h',
    request: input.request ?? '10s',
    keepAlive: input.keepAlive ?? '60s',
  };
}
