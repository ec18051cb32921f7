import { connect } from 'node:net';
import { listeners } from '../haproxy/config/frontend.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import type { Server } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { ApplyError } from '../haproxy/process/apply-error.ts';
import type { RunningProxy } from '../haproxy/process/master.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import type { CertificateFile } from './serving/disk.ts';
import { seenCertificates } from './serving/deploy.ts';
import { SHOW_SERVER_STATS, readServerStats } from '../haproxy/runtime/stat.ts';

const CONNECT_TIMEOUT_MS = 2000;

/** Looks whether a worker that has just begun does what is wanted. Answers what was found; throws what was not. */
export async function verifyService(
  proxy: RunningProxy,
  model: ServiceModel,
  wanted: readonly Server[],
  frameHash: string,
): Promise<string[]> {
  if (proxy.worker.frameHash !== frameHash) {
    throw new ApplyError(
      'verification_failed',
      `worker ${proxy.worker.pid} runs another configuration than the one written`,
    );
  }
  const binds = listeners(model.spec, model.layout).map(({ port }) => ({
    host: model.address === '*' ? '127.0.0.1' : model.address,
    port,
  }));
  await Promise.all(binds.map(({ host, port }) => answers(host, port)));
  const { workerSocket } = servicePaths(model.id, model.layout);
  const stats = await readServerStats(
    await withRuntime(workerSocket, (runtime) => runtime.send(SHOW_SERVER_STATS)),
  );
  const present = new Set(stats.map(({ pool, name }) => `${pool}/${name}`));
  const missing = wanted.filter(({ pool, name }) => !present.has(`${pool}/${name}`));
  if (missing.length > 0) {
    throw new ApplyError(
      'verification_failed',
      `HAProxy has no server for ${missing.map(({ target }) => target).join(', ')}`,
    );
  }
  return [
    `worker ${proxy.worker.pid} runs the configuration`,
    ...binds.map(({ host, port }) => `${host}:${port} accepts connections`),
    `${wanted.length} ${wanted.length === 1 ? 'server is' : 'servers are'} there`,
  ];
}

/** Looks whether HAProxy serves the certificates that it should. Answers what was found; throws what was not. */
export async function verifyCertificates(
  model: ServiceModel,
  files: readonly CertificateFile[],
): Promise<string> {
  const seen = await seenCertificates(model);
  const wrong = files.filter(({ path, fingerprint }) => seen.get(path)?.fingerprint !== fingerprint);
  if (wrong.length > 0) {
    const names = wrong.map(({ path }) => path).join(', ');
    throw new ApplyError(
      'verification_failed',
      `HAProxy serves another certificate than the one in ${names}`,
    );
  }
  // The default is one of the others, or the placeholder.
  const count = files.length - 1;
  return count === 0
    ? 'HTTPS answers with the placeholder certificate'
    : `${count} ${count === 1 ? 'certificate is' : 'certificates are'} served`;
}

function answers(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const fail = (cause: string) => {
      socket.destroy();
      reject(
        new ApplyError(
          'verification_failed',
          `HAProxy does not accept connections on ${host}:${port}: ${cause}`,
        ),
      );
    };
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error) => fail(error.message));
    socket.once('timeout', () => fail('no answer'));
  });
}
