import type { Client } from '../client.ts';
import { createClient } from '../client.ts';
import { now, sleep } from '../clock.ts';
import { Refused, createHttp2Lane } from './http2-lane.ts';
import { type EchoStream, openTcp, openTls, openWebSocket } from './streams.ts';
import { type BusyOptions, CLIENT_KINDS, type ClientKind, type FromBusy, type Seen } from './types.ts';

// The clients run in a process of their own: what they cost shall not delay what is measured about them.
const options = JSON.parse(process.argv[2] ?? '') as BusyOptions;
const { http, source, paths, counts, thinkMs } = options;
const seen = Object.fromEntries(
  CLIENT_KINDS.map((kind) => [kind, { ok: 0, failed: 0, refused: 0, faults: {} }]),
) as unknown as Seen;

/** How long a stream lives that ends and begins again. */
const SHORT_MS = { least: 500, most: 2500 };
/** After a failure, so that an outage is not asked about a million times. */
const PAUSE_MS = 20;

function tell(message: FromBusy): void {
  process.send?.(message);
}

async function noteFailure(kind: ClientKind, error: unknown): Promise<void> {
  if (error instanceof Refused) {
    seen[kind].refused += 1;
    return;
  }
  const fault = error instanceof Error ? error.message : String(error);
  const { faults } = seen[kind];
  seen[kind].failed += 1;
  faults[fault] = (faults[fault] ?? 0) + 1;
  tell({ kind: 'failure', failure: { kind, at: now(), fault } });
  await sleep(PAUSE_MS);
}

async function runClient(kind: ClientKind, client: Client): Promise<never> {
  for (;;) {
    try {
      await client.ask();
      seen[kind].ok += 1;
    } catch (error) {
      await noteFailure(kind, error);
    }
    await sleep(Math.random() * thinkMs);
  }
}

async function runStream(
  kind: ClientKind,
  isShort: boolean,
  open: () => Promise<EchoStream>,
): Promise<never> {
  for (;;) {
    let stream: EchoStream | undefined;
    const { least, most } = SHORT_MS;
    const endsAt = isShort ? now() + least + Math.random() * (most - least) : Infinity;
    try {
      stream = await open();
      while (now() < endsAt) {
        await stream.echo();
        seen[kind].ok += 1;
        await sleep(Math.random() * thinkMs);
      }
      await stream.end();
    } catch (error) {
      stream?.destroy();
      await noteFailure(kind, error);
    }
  }
}

function times(count: number, start: (index: number) => unknown): void {
  for (let index = 0; index < count; index++) start(index);
}

function runStreams(kind: ClientKind, open: (index: number) => Promise<EchoStream>): void {
  times(counts.longStreams, (index) => runStream(kind, false, () => open(index)));
  times(counts.shortStreams, (index) => runStream(kind, true, () => open(index)));
}

// Whatever the other side sends, it asks for this.
process.on('message', () => tell({ kind: 'seen', seen }));
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group; who started the clients ends them.
process.on('SIGINT', () => undefined);

const plain = { host: http.host, port: http.port, source, paths };
times(counts.keepingAlive, () => runClient('keep-alive', createClient({ ...plain, isKeepingAlive: true })));
times(counts.perRequest, () =>
  runClient('connection per request', createClient({ ...plain, isKeepingAlive: false })),
);
times(counts.http2, () => {
  const lane = createHttp2Lane({ ...plain, port: http.tlsPort });
  times(counts.http2Requests, () => runClient('HTTP/2', lane.createClient()));
});
runStreams('websocket', () => openWebSocket(plain, options.websocketPath));
const { tcp, tls } = options;
if (tcp) runStreams('TCP stream', () => openTcp({ ...tcp, source }));
if (tls)
  runStreams('TLS stream', (index) =>
    openTls({ ...tls, source }, tls.serverNames[index % tls.serverNames.length] ?? ''),
  );
