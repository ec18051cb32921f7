import type { ServiceModel } from '../model.ts';
import { servicePaths } from './paths.ts';

/** Where each lookup lies. */
export function lookupPaths({ id, layout }: Pick<ServiceModel, 'id' | 'layout'>) {
  const { lookups } = servicePaths(id, layout);
  return {
    allow: `${lookups}/allow.lst`,
    deny: `${lookups}/deny.lst`,
    proxies: `${lookups}/proxies.lst`,
    switches: `${lookups}/switches.lst`,
    maintenanceExempt: `${lookups}/maintenance-exempt.lst`,
    limits: `${lookups}/limits.map`,
    limitExempt: (limit: string) => `${lookups}/limit-${limit}-exempt.lst`,
    routes: `${lookups}/routes.map`,
    splits: `${lookups}/splits.map`,
    redirects: `${lookups}/redirects.map`,
    challenges: `${lookups}/challenges.map`,
    challengeHosts: `${lookups}/challenge-hosts.lst`,
    redirectedHosts: `${lookups}/redirected-hosts.lst`,
    certifiedHosts: `${lookups}/certified-hosts.lst`,
    serverNames: `${lookups}/server-names.map`,
    cookieToServer: (pool: string) => `${lookups}/cookie-${pool}-to-server.map`,
    serverToCookie: (pool: string) => `${lookups}/server-${pool}-to-cookie.map`,
  };
}

/** Entry of the list of switches that is there while maintenance is on. */
export const MAINTENANCE_SWITCH = 'maintenance';
