/** One element of DER (ITU-T X.690), with its tag and length. */
export interface DerElement {
  tag: number;
  bytes: Buffer;
}

/** The elements inside of an element; undefined when it is not well-formed. Nothing outside of it is read. */
export function childrenOf(element: Buffer): DerElement[] | undefined {
  const outer = sizeAt(element, 0);
  if (!outer || outer.end !== element.length) return undefined;
  const children: DerElement[] = [];
  for (let at = outer.start; at < outer.end;) {
    const size = sizeAt(element, at);
    if (!size || size.end > outer.end) return undefined;
    children.push({ tag: element[at] ?? 0, bytes: element.subarray(at, size.end) });
    at = size.end;
  }
  return children;
}

/** Where the content of the element at a place begins and ends. */
function sizeAt(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  const first = bytes[at + 1];
  if (first === undefined) return undefined;
  if (first < 0x80) return within(bytes, at + 2, first);
  const count = first & 0x7f;
  if (count === 0 || count > 4 || at + 2 + count > bytes.length) return undefined;
  return within(bytes, at + 2 + count, bytes.readUIntBE(at + 2, count));
}

function within(bytes: Buffer, start: number, length: number) {
  const end = start + length;
  return end <= bytes.length ? { start, end } : undefined;
}
