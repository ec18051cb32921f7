/** Where a stream of the lines of several nodes goes on: each node's own place. */
export type LogCursors = ReadonlyMap<string, string>;

const MAX_LENGTH = 16_384;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** As one word that a client gives back. */
export function formatCursors(cursors: LogCursors): string {
  return [...cursors].map(([machine, cursor]) => `${machine}=${cursor}`).join('&');
}

/** What is not of this form is left out: the lines of such a node begin anew. */
export function parseCursors(text: unknown): LogCursors {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return new Map();
  const pairs = text.split('&').map((pair) => pair.split('='));
  return new Map(
    pairs.flatMap(([machine = '', cursor = '', ...more]) =>
      NAME.test(machine) && NAME.test(cursor) && more.length === 0 ? [[machine, cursor] as const] : [],
    ),
  );
}
