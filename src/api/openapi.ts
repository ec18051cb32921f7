import { z } from 'zod';
import { ERROR_CODES } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import { Backend, BackendSettings } from '../spec/backend.ts';
import { HealthCheckInput } from '../spec/health-check.ts';
import {
  MachineFault,
  MachineInput,
  MachinePatch,
  MachineRetry,
  MachineStep,
  ManualMachineInput,
  SshMachineInput,
} from '../spec/machine.ts';
import { Labels } from '../spec/name.ts';
import { Plan, PlanStep, Receipt } from '../spec/plan.ts';
import { ClientCa, Hsts, TlsInput } from '../spec/tls.ts';
import { VpcHost, VpcInput, VpcSpec } from '../spec/vpc.ts';
import { allRoutes } from './contract/all.ts';
import { DnsStatus } from './dns-status.ts';
import { BackendEvidence } from './evidence.ts';
import { REQUEST_HEADERS, type Route, type RouteResponse } from './contract/route.ts';
import * as certificates from './certificates.ts';
import * as events from './events.ts';
import * as balancers from './load-balancer.ts';
import * as logs from './logs.ts';
import * as machines from './machines.ts';
import * as rateLimits from './rate-limits.ts';
import * as resources from './resources.ts';
import * as stats from './stats.ts';

/** A piece of the OpenAPI document. */
export type JsonObject = Record<string, unknown>;

/** The schemas that get a name of their own in the document. */
const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  LoadBalancer: balancers.LoadBalancer,
  LoadBalancerInput: balancers.LoadBalancerInput,
  LoadBalancerPatch: balancers.LoadBalancerPatch,
  LoadBalancerSpecInput: balancers.LoadBalancerSpecInput,
  LoadBalancerSpec: balancers.LoadBalancerSpecOutput,
  LoadBalancerStatus: balancers.LoadBalancerStatus,
  NodeStatus: balancers.NodeStatus,
  BackendStatus: balancers.BackendStatus,
  BackendState: balancers.BackendState,
  BackendResource: balancers.BackendResource,
  BackendWhy: balancers.BackendWhy,
  BackendEvidence,
  CertificateStatus: certificates.CertificateStatus,
  DnsStatus,
  UploadedCertificate: certificates.UploadedCertificate,
  CertificateUpload: certificates.CertificateUpload,
  RenewalRequest: certificates.RenewalRequest,
  Renewal: certificates.Renewal,
  Condition: balancers.Condition,
  Change: balancers.Change,
  DryRun: balancers.DryRun,
  Revision: balancers.Revision,
  Health: balancers.Health,
  Backend,
  BackendSettings,
  HealthCheck: HealthCheckInput,
  Tls: TlsInput,
  Hsts,
  ClientCa,
  Labels,
  Plan,
  PlanStep,
  Receipt,
  Vpc: resources.Vpc,
  VpcInput,
  VpcPatch: resources.VpcPatch,
  VpcSpec,
  VpcHost,
  ResourceDryRun: resources.ResourceDryRun,
  Role: resources.Role,
  Key: resources.Key,
  KeyInput: resources.KeyInput,
  NewKey: resources.NewKey,
  Machine: machines.Machine,
  MachineState: machines.MachineState,
  NewMachine: machines.NewMachine,
  MachineInput,
  SshMachineInput,
  ManualMachineInput,
  MachinePatch,
  MachineRetry,
  MachineStep,
  MachineFault,
  Event: events.Event,
  Severity: events.Severity,
  CertificateAuthority: certificates.CertificateAuthority,
  TermsAgreement: certificates.TermsAgreement,
  Stats: stats.Stats,
  LoadBalancerTraffic: stats.LoadBalancerTraffic,
  PoolTraffic: stats.PoolTraffic,
  BackendTraffic: stats.BackendTraffic,
  TrafficTotals: stats.TrafficTotals,
  TrafficRates: stats.TrafficRates,
  NodeStats: stats.NodeStats,
  ServingWorker: stats.ServingWorker,
  OldWorker: stats.OldWorker,
  LogList: logs.LogList,
  LogEntry: logs.LogEntry,
  RateLimitList: rateLimits.RateLimitList,
  RateLimitUse: rateLimits.RateLimitUse,
  RateLimitKey: rateLimits.RateLimitKey,
  Problem: resources.Problem,
};

const REF_PREFIX = '#/components/schemas/';

/** The OpenAPI 3.1 document of everything but the agents' own interface. */
export function buildOpenApi(): JsonObject {
  const schemas = createSchemas();
  const routes = Object.entries(allRoutes).filter(([, route]) => route.tag !== 'Agent');
  const paths: Record<string, JsonObject> = {};
  for (const [id, route] of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(schemas, id, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'AgentMetal Load Balancer',
      version: VERSION,
      summary: 'Managed L4 and L7 load balancing on your own machines.',
      description: INTRODUCTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    tags: [...new Set(routes.map(([, route]) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key: `Authorization: Bearer $API_KEY`.',
        },
      },
    },
  };
}

/** The document as it is kept in openapi.json. */
export function renderOpenApi(): string {
  return `${JSON.stringify(buildOpenApi(), undefined, 2)}\n`;
}

const INTRODUCTION = `Say what you want; it is live on every node, no request is dropped, and a receipt proves it.

Every request names an API key: \`Authorization: Bearer $API_KEY\`. \`agentmetal up\` shows the first one at its first
start; \`POST /v1/keys\` makes others.

A resource answers with an ETag, which is its revision; \`If-Match\` makes a write depend on it. Any write takes
\`?dryRun=true\`. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\` and, for a body, every bad
field at once.`;

interface Schemas {
  components: JsonObject;
  /** A schema in place: a reference where it has a name. */
  of(schema: z.ZodType): JsonObject;
}

function createSchemas(): Schemas {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const uri = (id: string) => REF_PREFIX + id;
  const { schemas } = z.toJSONSchema(registry, { uri, io: 'input', target: 'draft-2020-12' });
  const components = Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)]),
  );
  const names = new Map(Object.entries(COMPONENTS).map(([id, schema]) => [schema, id]));
  const of = (schema: z.ZodType): JsonObject => {
    const name = names.get(schema);
    if (name !== undefined) return { $ref: REF_PREFIX + name };
    if (schema instanceof z.ZodUnion)
      return { anyOf: schema.options.map((option) => of(option as z.ZodType)) };
    if (schema instanceof z.ZodArray) return { type: 'array', items: of(schema.element as z.ZodType) };
    return inline(schema, of);
  };
  return { components, of };
}

/** A schema without a name; lists of named ones among its fields refer to them. */
function inline(schema: z.ZodType, of: (schema: z.ZodType) => JsonObject): JsonObject {
  const json = withoutIds(z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12', reused: 'inline' }));
  if (!(schema instanceof z.ZodObject)) return json;
  const own = json['properties'] as Record<string, JsonObject>;
  const lists = Object.entries(schema.shape).filter(([, field]) => field instanceof z.ZodArray);
  const references = lists.map(([name, field]) => [name, of(field as z.ZodType)]);
  return { ...json, properties: { ...own, ...(Object.fromEntries(references) as JsonObject) } };
}

function withoutIds(schema: JsonObject): JsonObject {
  const { $schema: _schema, $id: _id, id: _own, '~standard': _standard, ...rest } = schema;
  return rest;
}

function operation(schemas: Schemas, id: string, route: Route): JsonObject {
  const parameters = [
    ...fieldParameters(route, 'path'),
    ...fieldParameters(route, 'query'),
    ...headerParameters(route),
  ];
  return {
    operationId: id,
    tags: [route.tag],
    summary: route.summary,
    description: `${route.description}${roleSentence(route)}`,
    ...(route.role === 'public' ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: requestBody(schemas, route) } : {}),
    responses: { ...responses(schemas, route), ...problemResponses(route) },
  };
}

function roleSentence({ role }: Route): string {
  return role === 'public' ? '' : `\n\nNeeds the role \`${role}\`.`;
}

function fieldParameters(route: Route, where: 'path' | 'query'): JsonObject[] {
  const schema = where === 'path' ? route.params : route.query;
  if (!schema) return [];
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, JsonObject>;
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === 'path',
    description,
    schema: isCoerced(schema, name) ? { type: 'integer', ...rest } : rest,
  }));
}

/** A number in a path or query is text that is read as a number, which has no type of its own on the way in. */
function isCoerced(schema: z.ZodObject, name: string): boolean {
  let field = schema.shape[name] as z.ZodType | undefined;
  while (field instanceof z.ZodDefault || field instanceof z.ZodOptional) field = field.unwrap() as z.ZodType;
  return field instanceof z.ZodNumber;
}

function headerParameters({ headers = [] }: Route): JsonObject[] {
  return headers.map((name) => ({
    name,
    in: 'header',
    required: false,
    description: REQUEST_HEADERS[name],
    schema: { type: 'string' },
  }));
}

function requestBody(schemas: Schemas, { method, body }: Route): JsonObject {
  const examples = Object.fromEntries(
    Object.entries(body?.examples ?? {}).map(([name, value]) => [name, { value }]),
  );
  const content = {
    ...(body ? { schema: schemas.of(body.schema) } : {}),
    ...(body?.examples ? { examples } : {}),
  };
  const merge = method === 'PATCH' ? { 'application/merge-patch+json': content } : {};
  return { required: true, content: { ...merge, 'application/json': content } };
}

function responses(schemas: Schemas, route: Route): JsonObject {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, response]) => [status, answer(schemas, response)]),
  );
}

function answer(
  schemas: Schemas,
  { description, schema, contentType = 'application/json', events, headers = {} }: RouteResponse,
): JsonObject {
  const shown = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(shown.length > 0 ? { headers: Object.fromEntries(shown) as JsonObject } : {}),
    ...(schema
      ? {
          content: {
            [contentType]: { schema: schemas.of(schema) },
            ...(events === undefined ? {} : eventStream(events)),
          },
        }
      : {}),
  };
}

function eventStream(description: string): JsonObject {
  return { 'text/event-stream': { schema: { type: 'string', description } } };
}

function problemResponses(route: Route): JsonObject {
  const statuses = new Set([
    ...(route.role === 'public' ? [] : [401, 403]),
    ...(route.params ? [404] : []),
    ...(route.method === 'GET' || route.role === 'public' ? [] : [400, 409, 412, 422]),
    ...(route.query ? [400] : []),
    ...(route.body ? [413, 415] : []),
    ...(route.problems ?? []),
  ]);
  const content = { 'application/problem+json': { schema: { $ref: `${REF_PREFIX}Problem` } } };
  const sorted = [...statuses].toSorted((left, right) => left - right);
  return Object.fromEntries(sorted.map((status) => [status, { description: problemText(status), content }]));
}

function problemText(status: number): string {
  const codes = Object.entries(ERROR_CODES).filter(([, entry]) => entry.status === status);
  return codes.map(([code, { title }]) => `\`${code}\`: ${title}.`).join(' ');
}
