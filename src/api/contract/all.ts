import { agentRoutes } from './agent.ts';
import { certificateRoutes } from './certificates.ts';
import { backendRoutes } from './backends.ts';
import { dnsZoneRoutes } from './dns-zones.ts';
import { eventRoutes } from './events.ts';
import { failoverRoutes } from './failover.ts';
import { keyRoutes } from './keys.ts';
import { loadBalancerRoutes } from './load-balancers.ts';
import { machineRoutes } from './machines.ts';
import { observingRoutes } from './observing.ts';
import { revisionRoutes } from './revisions.ts';
import type { Routes } from './route.ts';
import { systemRoutes } from './system.ts';
import { vpcRoutes } from './vpcs.ts';

/** Every operation of the API by its id. */
export const allRoutes: Routes = {
  ...loadBalancerRoutes,
  ...backendRoutes,
  ...certificateRoutes,
  ...revisionRoutes,
  ...failoverRoutes,
  ...observingRoutes,
  ...eventRoutes,
  ...vpcRoutes,
  ...dnsZoneRoutes,
  ...machineRoutes,
  ...keyRoutes,
  ...agentRoutes,
  ...systemRoutes,
};
