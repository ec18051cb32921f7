import { request } from 'node:http';
import { messageOf, systemCode } from '../../../base/errors.ts';
import { printable } from '../../../base/printable.ts';
import type { ProbeOutcome } from '../../../certificates/preflight.ts';

export interface ProbeOptions {
  domain: string;
  address: string;
  port: number;
  /** Any token of the challenge's characters. */
  token: string;
  /** Thumbprint of the account. */
  thumbprint: string;
  timeoutMs: number;
}

const MAX_BODY_BYTES = 4096;
const KEY_AUTHORIZATION = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/;

/** Asks for the answer to a challenge as the CA would, through one address. It never throws. */
export function probe(options: ProbeOptions): Promise<ProbeOutcome> {
  const { domain, address, port, token, timeoutMs } = options;
  return new Promise((resolve) => {
    const path = `/.well-known/acme-challenge/${token}`;
    const sent = request(
      { host: address, port, path, agent: false, headers: { host: domain, connection: 'close' } },
      (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > MAX_BODY_BYTES) response.destroy();
        });
        response.once('close', () => {
          clearTimeout(timer);
          resolve(judge(response.statusCode ?? 0, body, options));
        });
        response.once('error', () => {});
      },
    );
    const timer = setTimeout(() => {
      resolve({ kind: 'timeout' });
      sent.destroy();
    }, timeoutMs);
    sent.once('error', (error) => {
      clearTimeout(timer);
      resolve(faultOf(error));
    });
    sent.end();
  });
}

function judge(status: number, body: string, { token, thumbprint }: ProbeOptions): ProbeOutcome {
  const text = body.trimEnd();
  if (status === 200 && text === `${token}.${thumbprint}`) return { kind: 'ours' };
  if (status === 200 && KEY_AUTHORIZATION.test(text) && text.startsWith(`${token}.`))
    return { kind: 'other_account' };
  return { kind: 'other_server', status };
}

function faultOf(error: unknown): ProbeOutcome {
  switch (systemCode(error)) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return { kind: 'refused' };
    case 'ETIMEDOUT':
      return { kind: 'timeout' };
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return { kind: 'failed', detail: 'there is no way to this address from here' };
    default:
      return { kind: 'failed', detail: printable(messageOf(error), 100) };
  }
}
