import { z } from 'zod';
import { Backend } from '../spec/backend.ts';
import { CertificateStatus } from './certificates.ts';
import { DnsStatus } from './dns-status.ts';
import { BackendEvidence } from './evidence.ts';
import { GuardState, MachineGuard } from '../spec/guard.ts';
import { LoadBalancerInput, type LoadBalancerSpec, LoadBalancerSpecInput } from '../spec/load-balancer.ts';
import { Labels } from '../spec/name.ts';
import { Plan, Receipt } from '../spec/plan.ts';

export const BackendState = z
  .enum(['up', 'down', 'draining', 'checking', 'maintenance', 'unresolved'])
  .describe('`checking` is before the first check has answered; `unresolved` has no address.');
export type BackendState = z.infer<typeof BackendState>;

export const BackendStatus = z
  .strictObject({
    target: z.string().describe('As in the spec.'),
    pool: z.string().describe('The pool that it belongs to; `default` for the spec’s own backends.'),
    state: BackendState,
    reason: z.string().describe('Why it is in this state, in plain words.'),
    since: z.iso.datetime().describe('Since when it is in this state, RFC 3339.'),
    address: z.string().optional().describe('The address that the target stands for now.'),
    sessions: z
      .int()
      .optional()
      .describe('Requests (tcp: connections) that are open on it, as of the last report; at most 10 s old.'),
    rechecking: z
      .boolean()
      .optional()
      .describe(
        'True while it is up by a check that was changed, and the new one has not come to a verdict. Absent otherwise.',
      ),
    machine: z.string().describe('The machine that sees it so.'),
  })
  .describe('A backend as a node sees it.');
export type BackendStatus = z.infer<typeof BackendStatus>;

export const NodeStatus = z
  .strictObject({
    machine: z.string().describe('Name of the machine.'),
    address: z.string().describe('The address on which this node listens.'),
    listeners: z.array(z.string()).describe('Every address and port that it listens on.'),
    observedRevision: z.int().describe('The newest revision that the node has applied; 0 for none.'),
    state: z
      .enum(['pending', 'active', 'error'])
      .describe('Whether the wanted revision is live on the node.'),
    connected: z
      .boolean()
      .describe('Whether the machine’s agent has reported lately. The node serves without it.'),
    lastReportAt: z.iso.datetime().optional().describe('When the agent last reported, RFC 3339.'),
    haproxy: z
      .strictObject({ version: z.string(), pid: z.int(), workerPid: z.int(), startedAt: z.iso.datetime() })
      .optional()
      .describe('The HAProxy that serves.'),
    floating: z
      .strictObject({
        role: z
          .enum(['active', 'standby', 'fault'])
          .describe(
            '`active`: it has the floating address, or some of several; all nodes have it where they announce it by BGP. `standby`: it has none and would take one. `fault`: it cannot.',
          ),
        since: z.iso.datetime().describe('Since when it has that role, RFC 3339.'),
        reason: z.string().optional().describe('Why it can take no floating address.'),
        addresses: z
          .array(z.string())
          .optional()
          .describe(
            'The floating addresses that it has. Absent where there is one, which the `active` node has, or all have.',
          ),
        isLastResort: z
          .boolean()
          .optional()
          .describe(
            'Whether it has given its part up, and takes addresses only when no other node is left, until it takes it `back`. Told along with `addresses`.',
          ),
      })
      .optional()
      .describe('Its part in the floating addresses; absent without any.'),
  })
  .describe('One HAProxy of the load balancer.');
export type NodeStatus = z.infer<typeof NodeStatus>;

export const Condition = z
  .strictObject({
    type: z.string().describe('What it is about, e.g. `Applied` or `BackendsHealthy`.'),
    status: z.enum(['true', 'false', 'unknown']),
    reason: z.string().describe('Stable word for the cause.'),
    message: z.string().describe('The cause in words, with what to do.'),
    since: z.iso.datetime(),
  })
  .describe('One fact about the load balancer that lasts.');
export type Condition = z.infer<typeof Condition>;

export const LoadBalancerStatus = z
  .strictObject({
    state: z
      .enum(['pending', 'active', 'degraded', 'error'])
      .describe(
        '`pending`: not yet live everywhere. `active`: live, every backend that should be up is. `degraded`: some backend is not. `error`: the revision failed, no backend is up, or no node has a floating address.',
      ),
    observedRevision: z.int().describe('The newest revision that every node has applied.'),
    addresses: z.array(z.string()).describe('Addresses on which clients reach it.'),
    nodes: z.array(NodeStatus),
    backends: z.array(BackendStatus),
    certificates: z.array(CertificateStatus),
    dns: z
      .array(DnsStatus)
      .describe('The records of each domain, in the order of the spec; empty where DNS is left alone.'),
    conditions: z.array(Condition),
  })
  .describe('What is seen of a load balancer.');
export type LoadBalancerStatus = z.infer<typeof LoadBalancerStatus>;

/** The spec as it comes back: the input's fields, every default filled in. */
export const LoadBalancerSpecOutput = LoadBalancerSpecInput.required({ port: true }).describe(
  'The spec with every default filled in.',
) as unknown as z.ZodType<LoadBalancerSpec>;

export const LoadBalancer = z
  .strictObject({
    id: z
      .string()
      .describe('Identifier; never changes.')
      .meta({ examples: ['lb_01m833pgxtewv9hb4s1e6n3b2k'] }),
    name: z.string(),
    labels: Labels,
    spec: LoadBalancerSpecOutput,
    status: LoadBalancerStatus,
    revision: z.int().describe('Number of the newest revision; the ETag is the same.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .describe('A load balancer.');
export type LoadBalancer = z.infer<typeof LoadBalancer>;

export const Change = z
  .strictObject({
    pointer: z.string().describe('RFC 6901 pointer; list members are named by target or name.'),
    from: z.unknown().optional(),
    to: z.unknown().optional(),
  })
  .describe('One difference.');

/** The answer to a write with `?dryRun=true`. */
export const DryRun = z
  .strictObject({
    dryRun: z.literal(true),
    revision: z.int().describe('The number that the revision would get.'),
    spec: LoadBalancerSpecOutput.nullable().describe('The spec that would result; null for a deletion.'),
    diff: z.array(Change),
    plan: Plan,
    warnings: z
      .array(z.string())
      .optional()
      .describe('What would be missing afterwards, in words; absent when nothing would.'),
  })
  .describe('What a write would do. Nothing was changed.');
export type DryRun = z.infer<typeof DryRun>;

export const RevisionGuard = z
  .strictObject({
    duration: z
      .string()
      .describe('How long it is watched whether the revision makes anything worse, once it is live.'),
    state: GuardState,
    reason: z.string().describe('Why it is in this state, in words.'),
    restoredBy: z
      .int()
      .optional()
      .describe('The revision that brought the one before back; only with `restored`.'),
    machines: z.array(MachineGuard).describe('What each machine sees. Empty until one has told.'),
  })
  .describe('The guard of a revision: `?guard=` of the write that made it.');
export type RevisionGuard = z.infer<typeof RevisionGuard>;

export const Revision = z
  .strictObject({
    number: z.int(),
    action: z.string().describe('What made it: create, update, restore.'),
    restoredFrom: z.int().optional().describe('For a restore: the revision that was brought back.'),
    author: z
      .string()
      .describe('Name of the API key that made it; `guard` for a restore that a guard made by itself.'),
    reason: z.string().optional().describe('For what a guard did: why, in words.'),
    createdAt: z.iso.datetime(),
    name: z.string(),
    labels: Labels,
    spec: LoadBalancerSpecOutput,
    diff: z.array(Change).describe('What changed since the revision before.'),
    plan: Plan,
    receipts: z.array(Receipt).describe('What it did on each node. Empty when a newer one overtook it.'),
    guard: RevisionGuard.optional().describe('Absent when the revision was not guarded.'),
  })
  .describe('One accepted change of a load balancer.');
export type Revision = z.infer<typeof Revision>;

export const Health = z
  .strictObject({
    state: z.enum(['pending', 'active', 'degraded', 'error']),
    backends: z.array(BackendStatus),
    certificates: z.array(CertificateStatus),
  })
  .describe('State of every backend and certificate with its reason.');
export type Health = z.infer<typeof Health>;

/** Why one backend is in its state. */
export const BackendWhy = z
  .strictObject({
    target: z.string().describe('As in the spec.'),
    pool: z.string().describe('The pool that it belongs to.'),
    nodes: z
      .array(BackendStatus.extend({ evidence: BackendEvidence.optional() }))
      .describe(
        'How each node sees it, and what shows why; evidence is kept of backends that are or were down.',
      ),
  })
  .describe('Why a backend is in its state, as each node sees it.');
export type BackendWhy = z.infer<typeof BackendWhy>;

/** A backend as its own resource: settings and state. */
export const BackendResource = Backend.extend({
  pool: z.string().describe('The pool that it belongs to.'),
  status: BackendStatus,
}).describe('A backend of a load balancer with its state.');
export type BackendResource = z.infer<typeof BackendResource>;

/** A JSON merge patch of a load balancer. What it results in is validated as a whole. */
export const LoadBalancerPatch = z
  .looseObject({
    name: z.unknown().optional().describe('A new name.'),
    labels: z.unknown().optional().describe('Labels to set; null removes one.'),
    spec: z.unknown().optional().describe('Fields of the spec to set; null sets back to the default.'),
  })
  .describe('A JSON merge patch (RFC 7396) of name, labels and spec.');

export { LoadBalancerInput, LoadBalancerSpecInput };
