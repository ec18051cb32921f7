import { z } from 'zod';
import { validateLoadBalancer } from '../../spec/validate.ts';
import { DryRun, Health, LoadBalancer, LoadBalancerInput, LoadBalancerPatch } from '../load-balancer.ts';
import {
  DryRunQuery,
  SelectQuery,
  WRITE_HEADERS,
  WriteQuery,
  created,
  listResponse,
  nameOrId,
  orDryRun,
  resource,
} from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ loadBalancer: nameOrId });

const HTTP_EXAMPLE = {
  name: 'web-lb',
  spec: {
    type: 'http',
    vpc: 'prod',
    tls: { domain: 'app.example.com', autoRenew: true },
    backends: [
      { target: 'web-1:8080', weight: 50 },
      { target: 'web-2:8080', weight: 50 },
    ],
    healthCheck: { path: '/health', interval: '5s' },
  },
};

const TCP_EXAMPLE = { name: 'db-lb', spec: { type: 'tcp', port: 5432, vpc: 'prod' } };

export const loadBalancerRoutes = defineRoutes({
  listLoadBalancers: {
    method: 'GET',
    path: '/v1/load-balancers',
    tag: 'Load balancers',
    summary: 'List load balancers',
    description: 'In the order of their names.',
    role: 'viewer',
    query: SelectQuery,
    responses: listResponse(LoadBalancer),
  },
  createLoadBalancer: {
    method: 'POST',
    path: '/v1/load-balancers',
    tag: 'Load balancers',
    summary: 'Create a load balancer',
    description:
      'Only `name` and `spec.type` are required (and `spec.port` for tcp). The answer has every default filled in; with `Prefer: wait=10` it comes when the load balancer serves.',
    role: 'operator',
    query: DryRunQuery,
    headers: ['Prefer', 'Idempotency-Key'],
    body: {
      schema: LoadBalancerInput,
      parse: validateLoadBalancer,
      examples: { http: HTTP_EXAMPLE, tcp: TCP_EXAMPLE },
    },
    responses: {
      200: { description: 'With `?dryRun=true`: what would happen.', schema: DryRun },
      201: created(LoadBalancer, 'It was created.'),
    },
  },
  getLoadBalancer: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}',
    tag: 'Load balancers',
    summary: 'Show a load balancer',
    description: 'What is wanted of it (`spec`) and what is seen of it (`status`).',
    role: 'viewer',
    params,
    responses: { 200: resource(LoadBalancer, 'The load balancer.') },
  },
  replaceLoadBalancer: {
    method: 'PUT',
    path: '/v1/load-balancers/{loadBalancer}',
    tag: 'Load balancers',
    summary: 'Replace a load balancer',
    description:
      'Replaces name, labels and spec of one that exists; fields left out get their defaults. When nothing changes, no revision is made.',
    role: 'operator',
    params,
    query: WriteQuery,
    headers: WRITE_HEADERS,
    body: { schema: LoadBalancerInput, parse: validateLoadBalancer, examples: { http: HTTP_EXAMPLE } },
    responses: { 200: resource(orDryRun(LoadBalancer), 'The load balancer after the change.') },
  },
  updateLoadBalancer: {
    method: 'PATCH',
    path: '/v1/load-balancers/{loadBalancer}',
    tag: 'Load balancers',
    summary: 'Change some fields of a load balancer',
    description:
      'A JSON merge patch (RFC 7396) of `{name, labels, spec}`: what is left out stays, `null` sets back to the default, a list is replaced as a whole. To add or remove single backends use the backends below, which never undo what another client did.',
    role: 'operator',
    params,
    query: WriteQuery,
    headers: WRITE_HEADERS,
    body: { schema: LoadBalancerPatch, examples: { algorithm: { spec: { algorithm: 'leastconn' } } } },
    responses: { 200: resource(orDryRun(LoadBalancer), 'The load balancer after the change.') },
  },
  deleteLoadBalancer: {
    method: 'DELETE',
    path: '/v1/load-balancers/{loadBalancer}',
    tag: 'Load balancers',
    summary: 'Delete a load balancer',
    description: 'Its machines stop serving it. Refused while `spec.deletionProtection` is true.',
    role: 'operator',
    params,
    query: DryRunQuery,
    headers: WRITE_HEADERS,
    responses: {
      200: { description: 'With `?dryRun=true`: what would happen.', schema: DryRun },
      204: { description: 'It is deleted.' },
    },
  },
  getLoadBalancerHealth: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/health',
    tag: 'Load balancers',
    summary: 'Show the health of backends and certificates',
    description: 'State of every backend and certificate with its reason.',
    role: 'viewer',
    params,
    responses: { 200: { description: 'The health.', schema: Health } },
  },
  getLoadBalancerConfig: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/config',
    tag: 'Load balancers',
    summary: 'Show the haproxy.cfg',
    description:
      'The configuration that the wanted state renders to on the machine that serves it; of several nodes on that of the first, unless another is named.',
    role: 'viewer',
    params,
    query: z.strictObject({
      node: z.string().max(64).optional().describe('Name of the machine of the node. Default: the first.'),
    }),
    responses: { 200: { description: 'The haproxy.cfg.', schema: z.string(), contentType: 'text/plain' } },
  },
});
