import type { LogLine } from '../../api/logs.ts';
import { readLogFields } from '../../haproxy/config/log.ts';
import { isFailOpen, poolOfBackend } from '../../haproxy/config/names.ts';
import { formatTarget } from '../../spec/target.ts';

/** Reads a line of the ring; undefined for what is none. */
export function parseLogLine(line: string): LogLine | undefined {
  const raw = readLogFields(line);
  const time = number(raw?.time);
  // A line that was cut by whatever means tells nothing that can be relied on; the others do.
  if (!raw || time === undefined) return undefined;
  const backend = text(raw.proxy);
  const target = text(raw.target);
  const question = target?.indexOf('?') ?? -1;
  const status = number(raw.status);
  return {
    time: new Date(time).toISOString(),
    client: text(raw.client) ?? '',
    bytesIn: number(raw.in) ?? 0,
    bytesOut: number(raw.out) ?? 0,
    milliseconds: withoutAbsent({
      queue: number(raw.queue),
      connect: number(raw.connect),
      response: number(raw.response),
      total: number(raw.total),
    }),
    termination: raw.end ?? '',
    retries: Number(raw.retries?.replace('+', '')) || 0,
    ...withoutAbsent({
      host: text(raw.host),
      method: known(text(raw.method)),
      path: question < 0 ? target : target?.slice(0, question),
      query: question < 0 ? undefined : target?.slice(question + 1),
      status: status === undefined || status < 100 ? undefined : status,
      route: text(raw.route),
      pool: poolOf(backend),
      backend: targetOf(known(text(raw.server))),
      requestId: text(raw.clientId) ?? text(raw.id),
      protocol: known(text(raw.protocol)),
      tls: text(raw.tls),
    }),
  };
}

/** HAProxy writes `-` for what there is not. */
function text(value: string | undefined): string | undefined {
  return value === '-' ? undefined : value;
}

/** HAProxy writes -1 for what did not come to pass. */
function number(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** And `<NOSRV>` or `<BADREQ>` for what it does not know. */
function known(value: string | undefined): string | undefined {
  return value?.startsWith('<') ? undefined : value;
}

/** Requests that go to no pool are logged with the frontend, which has a colon in its name. */
function poolOf(backend: string | undefined): string | undefined {
  if (backend === undefined || (backend.includes(':') && !isFailOpen(backend))) return undefined;
  return poolOfBackend(backend);
}

/** A server's name is its target without brackets. */
function targetOf(server: string | undefined): string | undefined {
  if (server === undefined) return undefined;
  const colon = server.lastIndexOf(':');
  const port = Number(server.slice(colon + 1));
  return colon < 0 || !Number.isInteger(port) ? server : formatTarget({ host: server.slice(0, colon), port });
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutAbsent<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
