import { DnsFault } from '../../provider.ts';

const MAX_LABEL = 63;
const MAX_NAME = 255;

/** A resource record as it is on the wire, its data unread. */
export interface WireRecord {
  name: string;
  type: number;
  class: number;
  ttl: number;
  data: Buffer;
  /** Where it begins and where its data begins in the message. */
  start: number;
  dataStart: number;
}

/** A name as length and bytes of each label (RFC 1035, 3.1), in lower case and never compressed. */
export function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.toLowerCase().split('.');
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label, 'latin1');
    if (bytes.length === 0 || bytes.length > MAX_LABEL) throw badName(name);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  const encoded = Buffer.concat([...parts, Buffer.from([0])]);
  if (encoded.length > MAX_NAME) throw badName(name);
  return encoded;
}

/** Reads a message from front to back. Whatever does not hold together is thrown as a {@link DnsFault}. */
export class WireReader {
  readonly #message: Buffer;
  #position = 0;

  constructor(message: Buffer) {
    this.#message = message;
  }

  uint16(): number {
    return this.#take(2).readUInt16BE();
  }

  name(): string {
    const { name, next } = readName(this.#message, this.#position);
    this.#position = next;
    return name;
  }

  record(): WireRecord {
    const start = this.#position;
    const name = this.name();
    const type = this.uint16();
    const recordClass = this.uint16();
    const ttl = this.#take(4).readUInt32BE();
    const length = this.uint16();
    const dataStart = this.#position;
    return { name, type, class: recordClass, ttl, data: this.#take(length), start, dataStart };
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#message.length) throw malformed();
    const bytes = this.#message.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }
}

/** A name at a place of a message, pointers followed. Pointers go backwards alone, so that they cannot go in circles. */
export function readName(message: Buffer, from: number): { name: string; next: number } {
  const labels: string[] = [];
  let position = from;
  let next: number | undefined;
  let earliest = from;
  let length = 0;
  for (;;) {
    const byte = message[position];
    if (byte === undefined) throw malformed();
    if (byte === 0) return { name: labels.join('.'), next: next ?? position + 1 };
    if (byte >= 0xc0) {
      const target = ((byte & 0x3f) << 8) | (message[position + 1] ?? malformedByte());
      if (target >= earliest) throw malformed();
      next ??= position + 2;
      earliest = target;
      position = target;
      continue;
    }
    const label = message.subarray(position + 1, position + 1 + byte);
    length += byte + 1;
    if (byte > MAX_LABEL || label.length < byte || length >= MAX_NAME) throw malformed();
    labels.push(label.toString('latin1').toLowerCase());
    position += byte + 1;
  }
}

export function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function malformed(): DnsFault {
  return new DnsFault('failed', 'the name server sent an answer that cannot be read');
}

function malformedByte(): never {
  throw malformed();
}

function badName(name: string): DnsFault {
  return new DnsFault('failed', `${JSON.stringify(name)} is no name that DNS can hold`);
}
