import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { AppError, systemCode } from './base/errors.ts';
import type { Runners } from './cli/runners.ts';

// In the user's own folder: compiled code from a shared one could be somebody else's.
enableCompileCache(
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'agentmetal', 'compiled'),
);
// Loaded after that line, so that it comes from the cache too.
const { run } = await import('./cli/run.ts');

const { env, stdin, stdout, stderr } = process;
const interrupt = new AbortController();
const { signal } = interrupt;

/** Where the parts meet: the CLI gets the long-running ones as functions that load them when they are wanted. */
const runners: Runners = {
  async up(options) {
    const [{ runUp }, { contextSurroundings }] = await Promise.all([
      import('./up/up.ts'),
      import('./cli/surroundings.ts'),
    ]);
    return runUp(options, {
      env,
      signal,
      print: (line) => void stdout.write(`${line}\n`),
      ...contextSurroundings(env),
    });
  },
  async down(options) {
    const { runDown } = await import('./up/down.ts');
    return runDown(options.dataDir, (line) => void stdout.write(`${line}\n`));
  },
  async server({ apiKey, databaseUrl, tlsCert, tlsKey, ...options }) {
    if (databaseUrl !== undefined) {
      throw new AppError(
        'invalid_request',
        'this version keeps its data in SQLite alone and cannot use AGENTMETAL_DATABASE_URL',
        {
          hint: 'Unset AGENTMETAL_DATABASE_URL; the data lies in the data directory.',
        },
      );
    }
    if ((tlsCert === undefined) !== (tlsKey === undefined)) {
      const missing = tlsCert === undefined ? '--tls-cert' : '--tls-key';
      throw new AppError(
        'invalid_request',
        `TLS needs both a certificate and its key, and ${missing} is missing`,
        {
          hint: 'Give both --tls-cert FILE and --tls-key FILE.',
        },
      );
    }
    const [{ runServer }, { readCertificateSettings }] = await Promise.all([
      import('./server/main.ts'),
      import('./server/certificates/settings.ts'),
    ]);
    const server = await runServer({
      ...options,
      adminKey: apiKey,
      certificateSettings: await readCertificateSettings(env, options.resolver),
      localAgentTokenFile: join(options.dataDir, 'agent', 'token'),
      ...(tlsCert && tlsKey ? { tls: { cert: tlsCert, key: tlsKey } } : {}),
    });
    process.send?.('ready');
    if (server.adminKey) stderr.write(`API key (admin), shown this once: ${server.adminKey}\n`);
    await untilAborted(signal);
    await server.close();
    return 0;
  },
  async agent(options) {
    const { runAgent } = await import('./agent/main.ts');
    await runAgent({ ...options, signal, onReady: () => process.send?.('ready') });
    return 0;
  },
};

for (const stream of [stdout, stderr]) {
  stream.on('error', (error) => {
    // `agentmetal lb list | head -1` closes the pipe early; that is no fault.
    if (systemCode(error) === 'EPIPE') process.exit(0);
    throw error;
  });
}

// A part that `up` has started notices by its channel that `up` is gone.
for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, () => interrupt.abort());
process.channel?.unref();

const { now, sleep } = systemClock;
process.exitCode = await run(process.argv.slice(2), {
  env,
  stdin,
  stdout,
  stderr,
  runners,
  signal,
  now,
  sleep,
});

function untilAborted(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
}
