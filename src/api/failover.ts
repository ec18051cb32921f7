import { z } from 'zod';

export const Failover = z
  .strictObject({
    from: z
      .string()
      .max(64)
      .describe(
        'The machine that had the floating addresses; that has them again when they were taken `back`.',
      ),
  })
  .describe('Another node takes the floating addresses.');
export type Failover = z.infer<typeof Failover>;
