import { z } from 'zod';
import { TargetText } from './target.ts';

/** One server behind a load balancer. */
export const Backend = z
  .strictObject({
    target: TargetText,
    weight: z
      .int()
      .min(0)
      .max(256)
      .default(1)
      .describe(
        'Share of new traffic relative to the other backends, 0 to 256; 0 takes no new clients. Default: 1.',
      ),
    backup: z
      .boolean()
      .default(false)
      .describe('Takes traffic only when every backend that is not a backup is down. Default: false.'),
    maxConnections: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe('Connections at once before requests wait in the queue; 0 is no limit. Default: 0.'),
    drain: z
      .boolean()
      .default(false)
      .describe('Takes no new clients while the present ones finish. Default: false.'),
  })
  .describe('One server behind the load balancer.');
export type Backend = z.infer<typeof Backend>;

/** What may be changed of a backend that exists: everything but where it is. */
export const BackendSettings = Backend.omit({ target: true });
export type BackendSettings = z.infer<typeof BackendSettings>;
