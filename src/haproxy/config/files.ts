import { createHash } from 'node:crypto';
import { memoized } from '../../base/memo.ts';
import type { Backend } from '../../spec/backend.ts';
import { type LoadBalancerSpec, poolsOf } from '../../spec/load-balancer.ts';
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
  return [...allCas(model.spec)].flatMap((ca) => (ca === undefined ? [] : [caFile(model, ca)]));
}

/** Whether any backend is verified by the CAs that the machine trusts. */
export function usesSystemCas({ spec }: ServiceModel): boolean {
  return allCas(spec).has(undefined);
}

/** By what backends are verified, each once: a CA of their own, or undefined for those of the machine. */
const allCas = memoized((spec: LoadBalancerSpec): ReadonlySet<string | undefined> => {
  const all = new Set<string | undefined>();
  for (const [, { backends }] of poolsOf(spec)) for (const ca of casOf(backends)) all.add(ca);
  return all;
});

/** Of a thousand pools nearly all have the backends that they had before. */
const casOf = memoized(
  (backends: readonly Backend[]): ReadonlySet<string | undefined> =>
    new Set(backends.flatMap(({ tls }) => (tls?.verify ? [tls.ca] : []))),
);

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
