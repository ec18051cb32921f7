import { createHash } from 'node:crypto';
import { poolsOf } from '../../spec/load-balancer.ts';
import type { ServiceModel } from '../model.ts';
import { servicePaths } from './paths.ts';

/** A file that the configuration names. Its own name tells its content, so another content is another frame. */
export interface ContentFile {
  path: string;
  content: string;
}

/** The file of a CA that backends show certificates of. */
export function caFile(model: ServiceModel, pem: string): ContentFile {
  return contentFile(model, 'ca', 'pem', pem);
}

/** The file of the CAs that vouch for clients. */
export function clientCaFile(model: ServiceModel, pem: string): ContentFile {
  return contentFile(model, 'client-ca', 'pem', pem);
}

/** The file of client certificates that were revoked. */
export function revocationFile(model: ServiceModel, pem: string): ContentFile {
  return contentFile(model, 'client-crl', 'pem', pem);
}

/** The file of the certificates of all nodes, by which they know each other. */
export function peersCaFile(model: ServiceModel, pems: readonly string[]): ContentFile {
  return contentFile(model, 'peers-ca', 'pem', pems.map((pem) => `${pem.trim()}\n`).join(''));
}

/** The file of a page that is answered without a backend. */
export function pageFile(model: ServiceModel, body: string): ContentFile {
  return contentFile(model, 'page', 'txt', body);
}

function contentFile(
  { id, layout }: ServiceModel,
  kind: string,
  extension: string,
  content: string,
): ContentFile {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return { path: `${servicePaths(id, layout).files}/${kind}-${hash}.${extension}`, content };
}

/** Every CA that a backend is verified by, once. */
export function backendCas(model: ServiceModel): ContentFile[] {
  const pems = new Set<string>();
  for (const [, { backends }] of poolsOf(model.spec))
    for (const { tls } of backends) if (tls?.verify && tls.ca !== undefined) pems.add(tls.ca);
  return [...pems].map((pem) => caFile(model, pem));
}

/** Whether any backend is verified by the CAs that the machine trusts. */
export function usesSystemCas(model: ServiceModel): boolean {
  return poolsOf(model.spec).some(([, pool]) =>
    pool.backends.some(({ tls }) => tls !== undefined && tls.verify && tls.ca === undefined),
  );
}

/** All files that the configuration names. */
export function contentFiles(model: ServiceModel): ContentFile[] {
  const { maintenance, routes, tls } = model.spec;
  const { certificates, revocationLists } = tls?.clientCa ?? {};
  const bodies = [
    ...(maintenance ? [maintenance.body] : []),
    ...routes.flatMap(({ respond }) => (respond ? [respond.body] : [])),
  ];
  return [
    ...backendCas(model),
    ...(certificates === undefined ? [] : [clientCaFile(model, certificates)]),
    ...(revocationLists === undefined ? [] : [revocationFile(model, revocationLists)]),
    ...[...new Set(bodies)].map((body) => pageFile(model, body)),
  ];
}
