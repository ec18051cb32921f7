import { memoized } from '../../base/memo.ts';
import type { ServedCertificate, ServiceModel } from '../model.ts';
import { servicePaths } from './paths.ts';

/** Names that a line of the list may have: what else a certificate is for, nobody can ask for by SNI. */
const SNI = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
/** The first certificate is for those that name no host; a name of its own that nobody has keeps it from being others'. */
const NO_HOST = 'default.invalid';

/** The file of what clients are shown that name no host: the first certificate, or a placeholder while there is none. */
export const DEFAULT_FILE = 'default.pem';

/** One line of the list of certificates (crt-list, section 5.1 of the configuration manual). */
export interface CertificateLine {
  /** Name of the file in the folder of certificates. */
  file: string;
  hosts: readonly string[];
  /** What the file holds; undefined for the placeholder. */
  certificate: ServedCertificate | undefined;
}

/** The list of certificates: the default first, then each for the names that none before it has. */
export const certificateLines = memoized((model: ServiceModel): readonly CertificateLine[] => {
  const taken = new Set<string>();
  const lines = model.certificates.map((certificate): CertificateLine => {
    const hosts = certificate.hosts.filter(
      (host) => SNI.test(host) && host.length <= 253 && !taken.has(host),
    );
    for (const host of hosts) taken.add(host);
    return { file: `${certificate.name}.pem`, hosts, certificate };
  });
  const first = { file: DEFAULT_FILE, hosts: [NO_HOST], certificate: model.certificates[0] };
  return [first, ...lines.filter(({ hosts }) => hosts.length > 0)];
});

/** Hosts for which a real certificate is served. */
export function certifiedHosts(model: ServiceModel): string[] {
  return certificateLines(model)
    .slice(1)
    .flatMap(({ hosts }) => hosts);
}

/** Path of a certificate, by which HAProxy knows it. */
export function certificatePath({ id, layout }: Pick<ServiceModel, 'id' | 'layout'>, file: string): string {
  return `${servicePaths(id, layout).certificates}/${file}`;
}

/** The list as HAProxy reads it. Files are named as `crt-base` has them: a path with a space could not be written. */
export function writeCertificateList(model: ServiceModel): string {
  return certificateLines(model).map(writeCertificateLine).join('');
}

export function writeCertificateLine({ file, hosts }: Pick<CertificateLine, 'file' | 'hosts'>): string {
  return `${file} ${hosts.join(' ')}\n`;
}
