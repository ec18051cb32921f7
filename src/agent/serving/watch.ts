import { servicePaths } from '../../haproxy/config/paths.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import { readCertificates } from '../../haproxy/runtime/certificates.ts';
import { createWorkerSession } from '../worker-session.ts';
import type { LiveCertificates } from './deploy.ts';

/** Looks again and again whether HAProxy serves the certificates that were brought to it. */
export interface CertificateWatch {
  /** Whether it does, by their fingerprints as it tells them. */
  areServed(workerPid: number, model: ServiceModel, live: LiveCertificates): Promise<boolean>;
  close(): void;
}

/** Over a connection that stays open: to open one costs more than to ask. */
export function createCertificateWatch(): CertificateWatch {
  const session = createWorkerSession(() => {});
  return {
    async areServed(workerPid, { id, layout }, live) {
      const { workerSocket, certificateList } = servicePaths(id, layout);
      const seen = await readCertificates(await session.with(workerPid, workerSocket), certificateList);
      return (
        seen.size === live.size &&
        [...live].every(([path, { fingerprint }]) => seen.get(path)?.fingerprint === fingerprint)
      );
    },
    close: session.close,
  };
}
