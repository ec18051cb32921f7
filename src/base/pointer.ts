/** Builds an RFC 6901 JSON pointer from path segments: `['spec', 'a/b', 0]` is `/spec/a~1b/0`. */
export function jsonPointer(path: ReadonlyArray<PropertyKey>): string {
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
