import type { ServiceModel } from '../model.ts';

/** Renders the whole haproxy.cfg of one load balancer. */
export function renderConfig(_model: ServiceModel): string {
  throw new Error('being written');
}
