/** What the busy clients are; none of them ever sends anything a second time. */
export const CLIENT_KINDS = [
  'keep-alive',
  'connection per request',
  'HTTP/2',
  'websocket',
  'TCP stream',
  'TLS stream',
] as const;
export type ClientKind = (typeof CLIENT_KINDS)[number];

/** What the clients of one kind have seen so far. */
export interface Tally {
  /** Requests that were answered with 200; of streams, messages that came back. */
  ok: number;
  failed: number;
  /** HTTP/2 requests that the server said it has not looked at (REFUSED_STREAM), as RFC 9113 lets it after GOAWAY. */
  refused: number;
  /** Failures by what was wrong. */
  faults: Record<string, number>;
}

export type Seen = Record<ClientKind, Tally>;

/** One request that failed or one stream that was cut. */
export interface Failure {
  kind: ClientKind;
  /** By `now()`. */
  at: number;
  fault: string;
}

export interface BusyOptions {
  /** Address to come from. */
  source: string;
  /** Where HTTP is spoken, and HTTP/2 over TLS. */
  http: { host: string; port: number; tlsPort: number };
  /** Asked for one after another; each is always to be answered with 200. */
  paths: readonly string[];
  websocketPath: string;
  /** Where what is sent comes back; undefined: no such clients. */
  tcp?: { host: string; port: number };
  tls?: { host: string; port: number; serverNames: readonly string[] };
  counts: Counts;
  /** Longest pause of a client between an answer and its next request; they are spread evenly from 0. */
  thinkMs: number;
}

export interface Counts {
  keepingAlive: number;
  perRequest: number;
  /** HTTP/2 connections, and requests at a time on each. */
  http2: number;
  http2Requests: number;
  /** Of each kind of stream: those that stay open, and those that end and begin again. */
  longStreams: number;
  shortStreams: number;
}

export type FromBusy = { kind: 'failure'; failure: Failure } | { kind: 'seen'; seen: Seen };
