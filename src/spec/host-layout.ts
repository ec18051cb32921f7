import { z } from 'zod';

/** These are written into haproxy.cfg, and they come from agents. */
// oxlint-disable-next-line no-control-regex
const ONE_LINE_PATH = /^\/[^\u0000-\u001f\u007f]*$/;
const AbsolutePath = z.string().max(4096).regex(ONE_LINE_PATH);
const UserName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/);

/** How HAProxy is laid out on a machine: what the pure renderer must know of it. */
export const HostLayout = z.strictObject({
  /** Folder with one folder for each load balancer. */
  directory: AbsolutePath,
  /** Folder for sockets, short enough for a Unix socket's path. */
  socketDirectory: AbsolutePath,
  /** Unprivileged user and group of the workers; absent when the agent is not root. */
  user: UserName.optional(),
  group: UserName.optional(),
  /** Where the workers are locked in; absent when the agent is not root. */
  chroot: AbsolutePath.optional(),
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
