const PLAIN = /^[A-Za-z_$][\w$-]*$/;

/** A JSON pointer as people write a path: `/spec/backends/0/weight` is `spec.backends[0].weight`. */
export function readablePath(pointer: string): string {
  const segments = pointer.split('/').slice(1).map(unescapeSegment);
  const path = segments.reduce(
    (text, segment) => text + (PLAIN.test(segment) ? `.${segment}` : `[${segment}]`),
    '',
  );
  return path.replace(/^\./, '') || '(the whole)';
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
