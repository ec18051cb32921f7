import { isIP } from 'node:net';
import { AppError } from '../base/errors.ts';
import { parseIp } from '../spec/address.ts';

/** Files of the certificate with which the control plane speaks TLS. */
export interface TlsFiles {
  cert: string;
  key: string;
}

export interface ListenAddress {
  host: string;
  port: number;
}

const LISTEN = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/;

/** Reads `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `:8080` for all addresses. */
export function parseListen(text: string): ListenAddress {
  const groups = LISTEN.exec(text)?.groups;
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  if (host === undefined || port > 65_535) {
    throw new AppError(
      'invalid_request',
      `the address to listen on, ${JSON.stringify(text)}, cannot be read`,
      {
        hint: 'Write host:port, such as 127.0.0.1:8080 or [::1]:8080 (--listen, AGENTMETAL_LISTEN).',
      },
    );
  }
  return { host: host === '' ? '::' : host, port };
}

/** Refuses to carry API keys over a network in the clear. */
export function requireSafeListen(
  { host, port }: ListenAddress,
  { tls, insecureListen = false }: { tls?: TlsFiles | undefined; insecureListen?: boolean | undefined },
): void {
  if (isLoopback(host) || tls || insecureListen) return;
  throw new AppError(
    'invalid_request',
    `listening on ${host}:${port} without TLS would show API keys to the network`,
    {
      hint: 'Give a certificate (--tls-cert FILE --tls-key FILE), listen on 127.0.0.1, or allow it with --insecure-listen.',
    },
  );
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) !== 0 && parseIp(host)?.range() === 'loopback';
}
