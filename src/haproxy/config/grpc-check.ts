import { CHECK_AGENT, CHECK_HOST } from './check-names.ts';

/** What a gRPC check asks. */
export interface GrpcQuestion {
  service?: string | undefined;
  host?: string | undefined;
  tls: boolean;
}

/** The method of gRPC's own health service (grpc/doc/health-checking.md). */
export const HEALTH_METHOD = '/grpc.health.v1.Health/Check';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;

/** Everything that a client of `grpc.health.v1.Health/Check` sends on a new HTTP/2 connection, in one piece. */
export function grpcCheckRequest(question: GrpcQuestion): Uint8Array {
  return Buffer.concat([
    Buffer.from(PREFACE),
    frame(SETTINGS, 0, 0, Buffer.alloc(0)),
    frame(HEADERS, END_HEADERS, 1, headerBlock(question)),
    frame(DATA, END_STREAM, 1, grpcMessage(question.service)),
  ]);
}

/** A `HealthCheckRequest` with gRPC's prefix of five bytes: its length, not compressed. */
export function grpcMessage(service: string | undefined): Uint8Array {
  const name = Buffer.from(service ?? '');
  // Protocol Buffers: field 1, a string. The default, the empty one, is left out.
  const message =
    name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** RFC 9113, section 4.1. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** RFC 7541: names by their place in the static table, values as they are, nothing that the peer must remember. */
function headerBlock({ host, tls }: GrpcQuestion): Uint8Array {
  return Buffer.from([
    ...indexed(3), // :method: POST
    ...indexed(tls ? 7 : 6), // :scheme
    ...literal(4, HEALTH_METHOD), // :path
    ...literal(1, host ?? CHECK_HOST), // :authority
    ...literal(31, 'application/grpc'), // content-type
    0x00,
    ...text('te'),
    ...text('trailers'),
    ...literal(58, CHECK_AGENT), // user-agent
  ]);
}

function indexed(index: number): number[] {
  return integer(index, 7, 0x80);
}

/** Literal header field without indexing, section 6.2.2. */
function literal(index: number, value: string): number[] {
  return [...integer(index, 4, 0x00), ...text(value)];
}

function text(value: string): number[] {
  const bytes = Buffer.from(value, 'utf8');
  return [...integer(bytes.length, 7, 0x00), ...bytes];
}

/** Section 5.1: an integer that shares its first byte with flags. */
function integer(value: number, bits: number, flags: number): number[] {
  const full = (1 << bits) - 1;
  return value < full ? [flags | value] : [flags | full, ...varint(value - full)];
}

/** Seven bits in each byte, the least first; the eighth says that more follow. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
