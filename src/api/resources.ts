import { z } from 'zod';
import { Labels, ResourceName } from '../spec/name.ts';
import { VpcSpec } from '../spec/vpc.ts';
import { Change } from './load-balancer.ts';

export const Vpc = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    labels: Labels,
    spec: VpcSpec,
    status: z.strictObject({
      loadBalancers: z.array(z.string()).describe('Names of the load balancers in it.'),
      network: z
        .strictObject({
          bridge: z.string().describe('Name of the bridge that is its network.'),
          namespace: z
            .string()
            .nullable()
            .describe(
              'The network namespace in which the bridge is (`ip netns`); null for that of the host itself.',
            ),
        })
        .nullable()
        .optional()
        .describe(
          'Where its network is on the control plane’s host; null without a driver. What is plugged in there is in the VPC.',
        ),
    }),
    revision: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .describe('A private network.');
export type Vpc = z.infer<typeof Vpc>;

/** A JSON merge patch of a VPC. What it results in is validated as a whole. */
export const VpcPatch = z
  .looseObject({
    labels: z.unknown().optional().describe('Labels to set; null removes one.'),
    spec: z.unknown().optional().describe('Fields of the spec to set; null sets back to the default.'),
  })
  .describe('A JSON merge patch (RFC 7396) of labels and spec.');

/** The answer to a write of anything but a load balancer with `?dryRun=true`. */
export const ResourceDryRun = z
  .strictObject({
    dryRun: z.literal(true),
    diff: z.array(Change),
    loadBalancers: z.array(z.string()).describe('Names of the load balancers that would follow the change.'),
  })
  .describe('What a write would do. Nothing was changed.');
export type ResourceDryRun = z.infer<typeof ResourceDryRun>;

export const Role = z
  .enum(['admin', 'operator', 'viewer'])
  .describe(
    'admin: everything. operator: everything but keys, DNS zones, and which machines there are. viewer: reads only.',
  );
export type Role = z.infer<typeof Role>;

export const KeyInput = z
  .strictObject({ name: ResourceName, role: Role.default('operator').describe('Default: operator.') })
  .describe('An API key to create.');

export const Key = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: Role,
    prefix: z.string().describe('The first characters of the key, to recognise it by.'),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable().describe('To the minute; null when never used.'),
  })
  .describe('An API key without its secret.');
export type Key = z.infer<typeof Key>;

export const NewKey = Key.extend({
  key: z.string().describe('The key itself. It is shown once, here.'),
}).describe('An API key with its secret.');
export type NewKey = z.infer<typeof NewKey>;

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable word to match on.'),
    errors: z.array(z.strictObject({ pointer: z.string(), code: z.string(), detail: z.string() })).optional(),
    hint: z.string().optional().describe('What mends it, often a command.'),
    requestId: z.string(),
  })
  .describe('An error (RFC 9457).');
export type Problem = z.infer<typeof Problem>;

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Give it as `cursor` to get the next page; null on the last one. */
  nextCursor: string | null;
}
