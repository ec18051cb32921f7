import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findProgram } from '../../src/host/exec.ts';
import { selfSigned } from './certificate.ts';
import { freePort } from './temporary.ts';
import { waitFor } from './wait.ts';

export interface PebbleOptions {
  /** Folder for its files; it must be there. */
  directory: string;
  /** Name server that it asks, `ip:port`. */
  nameServer: string;
  /** Address that its API listens on. Default: 127.0.0.1. */
  host?: string;
  /** Port at which it asks for answers to HTTP-01 challenges, on whatever address the name has. */
  httpPort: number;
  /** How long its certificates live. Default: 90 days. */
  validitySeconds?: number;
  /** Keys by which accounts must be bound, by their id. Default: none is needed. */
  externalAccounts?: Record<string, string>;
  /** Names that it refuses. */
  blocked?: string[];
  /** Where its certificates say that it tells which are revoked (OCSP). Default: nowhere. */
  ocspUrl?: string;
}

/** A real CA that speaks ACME. It forgets all when it is stopped. */
export interface Pebble {
  /** `https://host:port/dir` */
  directoryUrl: string;
  port: number;
  /** File with the certificate of its own API, which is its own root. */
  caBundle: string;
  /** Certificate and key of its API, for what stands before it. */
  api: { cert: string; key: string };
  /** The root of what it issues, PEM. */
  root(): Promise<string>;
  /** Certificate and key with which it issues, PEM. */
  issuer(): Promise<{ certificate: string; key: string }>;
  /** Ends it and starts it again: it knows no account any more. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const { directory, nameServer, httpPort, host = '127.0.0.1' } = options;
  const addresses = [...new Set(['127.0.0.1', host])].map((address) => `IP:${address}`);
  const api = selfSigned(directory, 'localhost', addresses);
  const [port, management] = [await freePort(host), await freePort()];
  const config = join(directory, 'pebble.json');
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `${host}:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: api.cert,
        privateKey: api.key,
        httpPort,
        tlsPort: 443,
        ocspResponderURL: options.ocspUrl ?? '',
        externalAccountBindingRequired: options.externalAccounts !== undefined,
        externalAccountMACKeys: options.externalAccounts ?? {},
        domainBlocklist: options.blocked ?? [],
        certificateValidityPeriod: options.validitySeconds ?? 90 * 86_400,
      },
    }),
  );
  const ca = await readFile(api.cert, 'utf8');
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(findProgram('pebble'), ['-config', config, '-dnsserver', nameServer], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_WFE_NONCEREJECT: '0',
        PEBBLE_AUTHZREUSE: '0',
      },
    });
    await waitFor('Pebble', () => get({ host, port }, '/dir', ca));
  };
  const stop = async () => {
    const present = child;
    child = undefined;
    if (!present) return;
    const ended = new Promise((resolve) => present.once('exit', resolve));
    present.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    directoryUrl: `https://${host}:${port}/dir`,
    port,
    caBundle: api.cert,
    api,
    root: () => get({ port: management }, '/roots/0', ca),
    issuer: async () => ({
      certificate: await get({ port: management }, '/intermediates/0', ca),
      key: await get({ port: management }, '/intermediate-keys/0', ca),
    }),
    async restart() {
      await stop();
      await start();
    },
    stop,
  };
}

function get(
  { host = '127.0.0.1', port }: { host?: string; port: number },
  path: string,
  ca: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, ca, agent: false }, (response) => {
      text(response).then(resolve, reject);
    })
      .once('error', reject)
      .end();
  });
}
