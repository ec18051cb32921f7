import type { FastifyInstance } from 'fastify';
import { agentRoutes } from '../../api/contract/agent.ts';
import { certificateRoutes } from '../../api/contract/certificates.ts';
import { backendRoutes } from '../../api/contract/backends.ts';
import { dnsZoneRoutes } from '../../api/contract/dns-zones.ts';
import { eventRoutes } from '../../api/contract/events.ts';
import { keyRoutes } from '../../api/contract/keys.ts';
import { loadBalancerRoutes } from '../../api/contract/load-balancers.ts';
import { machineRoutes } from '../../api/contract/machines.ts';
import { failoverRoutes } from '../../api/contract/failover.ts';
import { observingRoutes } from '../../api/contract/observing.ts';
import { revisionRoutes } from '../../api/contract/revisions.ts';
import { systemRoutes } from '../../api/contract/system.ts';
import { vpcRoutes } from '../../api/contract/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { createIdempotency } from '../http/idempotency.ts';
import { registerRoutes } from '../http/register.ts';
import { createWriter } from '../http/write.ts';
import { agentHandlers } from './agent.ts';
import { certificateHandlers } from './certificates.ts';
import { backendHandlers } from './backends.ts';
import { dnsZoneHandlers } from './dns-zones.ts';
import { eventHandlers } from './events.ts';
import { failoverHandlers } from './failover.ts';
import { keyHandlers } from './keys.ts';
import { loadBalancerHandlers } from './load-balancers.ts';
import { machineHandlers } from './machines.ts';
import { observingHandlers } from './observing.ts';
import { revisionHandlers } from './revisions.ts';
import { systemHandlers } from './system.ts';
import { vpcHostHandlers } from './vpc-hosts.ts';
import { vpcHandlers } from './vpcs.ts';

/** Registers every route of the contract with what answers it. */
export function registerAllRoutes(app: FastifyInstance, context: ServerContext): void {
  const write = createWriter(context, createIdempotency(context));
  const vpcs = { ...vpcHandlers(context, write), ...vpcHostHandlers(context, write) };
  registerRoutes(app, context, systemRoutes, systemHandlers(context));
  registerRoutes(app, context, loadBalancerRoutes, loadBalancerHandlers(context, write));
  registerRoutes(app, context, backendRoutes, backendHandlers(context, write));
  registerRoutes(app, context, certificateRoutes, certificateHandlers(context, write));
  registerRoutes(app, context, revisionRoutes, revisionHandlers(context, write));
  registerRoutes(app, context, failoverRoutes, failoverHandlers(context));
  registerRoutes(app, context, observingRoutes, observingHandlers(context));
  registerRoutes(app, context, eventRoutes, eventHandlers(context));
  registerRoutes(app, context, vpcRoutes, vpcs);
  registerRoutes(app, context, dnsZoneRoutes, dnsZoneHandlers(context, write));
  registerRoutes(app, context, keyRoutes, keyHandlers(context, write));
  registerRoutes(app, context, machineRoutes, machineHandlers(context, write));
  registerRoutes(app, context, agentRoutes, agentHandlers(context));
}

/** Registers what machines may ask for, and nothing else. */
export function registerAgentRoutes(app: FastifyInstance, context: ServerContext): void {
  registerRoutes(app, context, agentRoutes, agentHandlers(context));
}
