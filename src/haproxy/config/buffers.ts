import { memoized } from '../../base/memo.ts';
import type { HeaderChanges, Headers } from '../../spec/header.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { Route } from '../../spec/route.ts';
import { utf8Length } from '../../spec/text.ts';

/** HAProxy's own sizes in bytes: a buffer, and the room in it that is kept free for what rules add. */
const BUFFER = 16_384;
const ROOM = 1024;
/** How much of the room may be taken by the spec's headers; the rest is for those that are added anyway. */
const FREE = ROOM / 2;
/** Bytes that a header takes besides its name and value. */
const OVERHEAD = 16;

/**
 * Makes room for long headers. A message whose beginning fills the buffer can grow by that room alone: beyond it HAProxy
 * answers 500 in its place.
 */
export function bufferLines(spec: Pick<LoadBalancerSpec, 'headers' | 'routes'>): string[] {
  const added = Math.max(
    ...(['request', 'response'] as const).map((direction) => addedBytes(spec, direction)),
  );
  if (added <= FREE) return [];
  const room = ROOM * Math.ceil((ROOM + added) / ROOM);
  // HAProxy keeps at most half of a buffer free.
  return [`tune.bufsize ${Math.max(BUFFER - ROOM + room, 2 * room)}`, `tune.maxrewrite ${room}`];
}

/** The most that any request or answer grows by. */
function addedBytes(
  { headers, routes }: Pick<LoadBalancerSpec, 'headers' | 'routes'>,
  direction: keyof Headers,
): number {
  return bytesOf(headers?.[direction]) + bytesByRoutes(routes)[direction];
}

const bytesByRoutes = memoized((routes: readonly Route[]): Record<keyof Headers, number> => {
  const most = (direction: keyof Headers) =>
    routes.reduce((bytes, { headers }) => Math.max(bytes, bytesOf(headers?.[direction])), 0);
  return { request: most('request'), response: most('response') };
});

function bytesOf(changes: HeaderChanges | undefined): number {
  if (!changes) return 0;
  return [...Object.entries(changes.set), ...Object.entries(changes.add)].reduce(
    (sum, [name, value]) => sum + name.length + utf8Length(value) + OVERHEAD,
    0,
  );
}
