import { z } from 'zod';
import { LogFilter, LogLine, MAX_LOG_LINES } from './logs.ts';
import { MAX_RATE_LIMIT_KEYS, RateLimitUse } from './rate-limits.ts';
import { IpText } from '../spec/network-text.ts';
import { LoadBalancerTraffic, PoolTraffic, TimeCounts, Workers } from './stats.ts';

/**
 * What a control plane asks an agent now. Only the agent dials, so questions wait for its long poll. Neither side trusts
 * the other: each reads what comes by these schemas.
 */
export const QuestionBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stats') }),
  z.strictObject({ kind: z.literal('workers') }),
  z.strictObject({
    kind: z.literal('logs'),
    filter: LogFilter,
    /** The newest lines, at most so many. */
    limit: z.int().min(1).max(MAX_LOG_LINES),
    /** Only lines from then on, milliseconds since the epoch. */
    since: z.number().min(0).optional(),
    /** Absent for a look at what there is. */
    follow: z
      .strictObject({
        /** The answer's cursor before this one; absent at the beginning. */
        cursor: z.string().max(64).optional(),
        /** How long to wait for a line when there is none, in milliseconds. */
        waitMs: z.int().min(0).max(10_000),
      })
      .optional(),
  }),
  /** Has the certificate of a domain, or of all of them, renewed now. */
  z.strictObject({ kind: z.literal('renew'), domain: z.string().max(253).optional() }),
  /** Has the node that has the floating addresses let another one take them. */
  z.strictObject({
    kind: z.literal('failover'),
    /** The other way round: a node that has given its part up takes it again. */
    back: z.boolean().optional(),
    /** Only these go, and the node keeps its part in all others. Absent: all that it has. */
    addresses: z.array(IpText).min(1).max(64).optional(),
  }),
  /** Floating addresses are about to move: connections that another node has are to be handed to it. */
  z.strictObject({ kind: z.literal('expect') }),
  z.strictObject({ kind: z.literal('rate-limits'), keys: z.int().min(1).max(MAX_RATE_LIMIT_KEYS) }),
  /** Whether anything takes connections on these ports of another machine. It is about no load balancer. */
  z.strictObject({
    kind: z.literal('reach'),
    address: IpText,
    ports: z.array(z.int().min(1).max(65_535)).min(1).max(64),
  }),
]);
export type QuestionBody = z.infer<typeof QuestionBody>;
/** A question about a load balancer, and not about the machine. */
export type ServiceQuestion = Exclude<QuestionBody, { kind: 'reach' }>;
/** A question that changes nothing. */
export type ObservingQuestion = Exclude<ServiceQuestion, { kind: 'renew' | 'failover' | 'expect' }>;

/** Why there is no answer. */
export const Refusal = z.strictObject({
  kind: z.literal('refused'),
  /** `unknown` for a load balancer that is not there or a question that is not understood. */
  reason: z.enum(['unknown', 'not-serving', 'timeout', 'failed']),
  detail: z.string().max(2000),
});

export const AnswerBody = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('stats'),
    time: z.iso.datetime(),
    total: LoadBalancerTraffic,
    pools: z.array(PoolTraffic),
    /** Absent for tcp, and from agents of before. */
    times: z.array(TimeCounts).optional(),
  }),
  Workers.extend({ kind: z.literal('workers') }),
  z.strictObject({
    kind: z.literal('logs'),
    lines: z.array(LogLine).max(MAX_LOG_LINES),
    /** Where the next question goes on; absent when nothing is followed. */
    cursor: z.string().max(64).optional(),
    /** Lines that came faster than they were asked for and are lost. */
    missed: z.int().min(0),
  }),
  /** Domains whose certificates are asked for. */
  z.strictObject({ kind: z.literal('renew'), domains: z.array(z.string().max(253)).max(100) }),
  /** The node that had the addresses. */
  z.strictObject({ kind: z.literal('failover'), node: z.string().max(64) }),
  z.strictObject({ kind: z.literal('expect') }),
  z.strictObject({ kind: z.literal('rate-limits'), limits: z.array(RateLimitUse) }),
  /** The first port on which something takes connections; null when nothing does. */
  z.strictObject({ kind: z.literal('reach'), port: z.int().nullable() }),
  Refusal,
]);
export type AnswerBody = z.infer<typeof AnswerBody>;

/** The answer that a kind of question gets. */
export type AnswerTo<Kind extends QuestionBody['kind']> = Extract<AnswerBody, { kind: Kind }>;

/** A question on its way. Its body is read for itself, so that one of a newer kind does not hold up the others. */
export const Question = z.object({
  id: z.string().max(64),
  loadBalancerId: z.string().max(64),
  /** How long the control plane waits for the answer, in milliseconds. */
  timeoutMs: z.int().min(1).max(60_000),
  body: z.unknown(),
});
export type Question = z.infer<typeof Question>;

export const Questions = z.object({ questions: z.array(Question).max(1000) });
export type Questions = z.infer<typeof Questions>;

export const Answers = z.strictObject({
  answers: z.array(z.strictObject({ id: z.string().max(64), body: AnswerBody })).max(1000),
});
export type Answers = z.infer<typeof Answers>;
