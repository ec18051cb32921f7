import { z } from 'zod';

/** Everything that events tell of. The list is closed: programs may match on it. */
export const EVENT_TYPES = [
  'load_balancer.created',
  'load_balancer.deleted',
  'revision.live',
  'revision.failed',
  'revision.restored',
  'backend.up',
  'backend.down',
  'backend.last_drained',
  'node.online',
  'node.offline',
  'node.held',
  'node.lost',
  'node.replaced',
  'node.added',
  'node.removed',
  'node.changes_dropped',
  'machine.ready',
  'machine.failed',
  'machine.removed',
  'machine.upgraded',
  'machine.upgrade_failed',
  'certificate.issued',
  'certificate.renewed',
  'certificate.uploaded',
  'certificate.failed',
  'certificate.rolled_back',
  'certificate.revoked',
  'certificate.expiring',
  'certificate.expired',
  'certificate.terms_changed',
  'dns.record_created',
  'dns.record_updated',
  'dns.record_removed',
  'dns.record_found',
  'dns.record_foreign',
  'dns.record_missing',
  'dns.failed',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What stands before the dot: `certificate`, `dns` and so on. */
export const EVENT_GROUPS: readonly string[] = [
  ...new Set(EVENT_TYPES.map((type) => type.slice(0, type.indexOf('.')))),
];

/** From what is only news to what wants somebody now. */
export const SEVERITIES = ['info', 'warning', 'error'] as const;
export const Severity = z
  .enum(SEVERITIES)
  .describe(
    '`info`: news. `warning`: look when there is time. `error`: clients are, or soon will be, affected.',
  );
export type Severity = z.infer<typeof Severity>;

export const Event = z
  .strictObject({
    id: z
      .string()
      .describe('Identifier. What happens later has a greater number.')
      .meta({ examples: ['evt_1042'] }),
    time: z.iso.datetime().describe('When it happened, or was noticed, RFC 3339; of several times the last.'),
    type: z.enum(EVENT_TYPES).describe('What happened.'),
    severity: Severity,
    resource: z
      .strictObject({
        kind: z.enum(['load_balancer', 'machine']),
        id: z.string(),
        name: z.string().describe('Its name at that time.'),
      })
      .describe('What it happened to. It may be gone by now.'),
    message: z.string().describe('What happened in plain words, with what to do where there is something.'),
    details: z
      .record(z.string(), z.unknown())
      .describe('The same for programs; which fields there are follows from the type.'),
    count: z
      .int()
      .describe(
        'How often it happened since `firstTime`. What happens again to the same thing within ten minutes takes the place of the event before.',
      ),
    firstTime: z.iso.datetime().describe('When it happened for the first time of these, RFC 3339.'),
  })
  .describe('Something that happened.')
  .meta({
    examples: [
      {
        id: 'evt_1042',
        time: '2026-11-23T04:31:05.000Z',
        type: 'backend.down',
        severity: 'warning',
        resource: { kind: 'load_balancer', id: 'lb_01m833pgxtewv9hb4s1e6n3b2k', name: 'web-lb' },
        message: 'web-1:8080 went down: connection refused',
        details: {
          machine: 'local',
          backends: [{ pool: 'default', target: 'web-1:8080', state: 'down' }],
          backendCount: 1,
        },
        count: 3,
        firstTime: '2026-11-23T04:28:51.000Z',
      },
    ],
  });
export type Event = z.infer<typeof Event>;

const NAMES: readonly string[] = [...EVENT_TYPES, ...EVENT_GROUPS.map((group) => `${group}.*`)];

/** Types by commas, `certificate.*` for all of a group, as they are asked for. */
export const EventTypeFilter = z
  .string()
  .max(1000)
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine((types) => types.every((type) => NAMES.includes(type)), {
    error: `must be types of events by commas, such as certificate.failed,dns.*. There are: ${EVENT_TYPES.join(', ')}`,
  });
