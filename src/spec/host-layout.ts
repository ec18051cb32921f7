import { z } from 'zod';

/** How HAProxy is laid out on a machine: what the pure renderer must know of it. */
export const HostLayout = z.strictObject({
  /** Folder with one folder for each load balancer. */
  directory: z.string().max(4096),
  /** Folder for sockets, short enough for a Unix socket's path. */
  socketDirectory: z.string().max(4096),
  /** Unprivileged user and group of the workers; absent when the agent is not root. */
  user: z.string().max(64).optional(),
  group: z.string().max(64).optional(),
  /** Where the workers are locked in; absent when the agent is not root. */
  chroot: z.string().max(4096).optional(),
  /** Added to ports below 1024 where the agent may not bind them; 0 where it may. */
  lowPortOffset: z.int().min(0).max(60_000),
  /** Whether the machine speaks IPv6. */
  ipv6: z.boolean(),
});
export type HostLayout = z.infer<typeof HostLayout>;

/** The port on which a machine really listens for a port of the spec. */
export function boundPort(port: number, layout: Pick<HostLayout, 'lowPortOffset'>): number {
  return port < 1024 ? port + layout.lowPortOffset : port;
}
