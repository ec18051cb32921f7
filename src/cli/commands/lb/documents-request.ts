import { type ApiRequest, apiPath } from '../../../api/client.ts';
import type { LoadBalancer } from '../../../api/load-balancer.ts';
import type { Document } from '../../documents.ts';
import { LOAD_BALANCERS, findLoadBalancer } from '../../resources.ts';
import type { CliContext } from '../../session.ts';

/** A document and the request that makes it true. */
export interface Applicable {
  document: Document;
  before: LoadBalancer | undefined;
  request: ApiRequest;
}

/** Finds out for a document whether it creates a load balancer or replaces one. */
export async function applicable(ctx: CliContext, document: Document): Promise<Applicable> {
  const before = await findLoadBalancer(await ctx.api(), document.name);
  const request: ApiRequest = before
    ? { method: 'PUT', path: apiPath`/v1/load-balancers/${before.id}`, body: document }
    : { method: 'POST', path: LOAD_BALANCERS, body: document };
  return { document, before, request };
}
