import { apiPath } from '../../../src/api/client.ts';
import type { LoadBalancer, Revision } from '../../../src/api/load-balancer.ts';
import type { Change } from '../../../src/spec/diff.ts';
import type { Receipt } from '../../../src/spec/plan.ts';
import type { Product } from '../../../test/support/product.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { now, sleep } from '../../support/clock.ts';
import type { Cycle, Look, Step } from './kinds.ts';

/** One change that was made. */
export interface Made {
  kind: string;
  /** Times by `now()`. */
  sentAt: number;
  /** When the API knew it to be live. */
  liveAt: number;
  /** When clients felt it; undefined where they cannot, and where they should and did not. */
  feltAt?: number;
  /** What went wrong though it was applied. */
  fault?: string;
  /** Absent for what is no revision, as a change of a VPC. */
  receipt?: Receipt;
  diff: readonly Change[];
}

const WAIT = { prefer: 'wait=15' };
const FEEL_TIMEOUT_MS = 15_000;

/** Changes of all cycles, one at a time, in an order that mixes the cycles and keeps to the order within each. */
export function* mixed(cycles: readonly Cycle[], random: () => number): Generator<Step> {
  const queues = cycles.map((cycle) => [...cycle]);
  for (let left = queues.filter((queue) => queue.length > 0); left.length > 0;) {
    const step = left[Math.floor(random() * left.length)]?.shift();
    if (step) yield step;
    left = left.filter((queue) => queue.length > 0);
  }
}

/** Makes one change and waits until it is live and felt. */
export async function make({ client }: Product, step: Step): Promise<Made> {
  const path = apiPath`/v1/load-balancers/${step.subject.id}`;
  const { spec } = (await client.request<LoadBalancer>({ method: 'GET', path })).body;
  const request = step.request(spec);
  const look = step.look?.();
  const isEarly = await look?.();
  const sentAt = now();
  const felt = look ? untilFelt(look) : undefined;
  const answer = await client.request({ ...request, headers: WAIT });
  const liveAt = now();
  const feltAt = await felt;
  const fault = isEarly
    ? 'was felt before it was made'
    : look && feltAt === undefined
      ? `was not felt within ${FEEL_TIMEOUT_MS / 1000} s: ${JSON.stringify(request.body)}`
      : undefined;
  const common = {
    kind: step.kind,
    sentAt,
    liveAt,
    ...(feltAt === undefined ? {} : { feltAt }),
    ...(fault === undefined ? {} : { fault }),
  };
  const number = answer.headers.get('etag')?.replaceAll('"', '') ?? '';
  // A certificate and a host of a VPC are no part of the spec.
  if (!/^\/v1\/load-balancers(?!.*\/certificates)/.test(request.path)) return { ...common, diff: [] };
  const revision = await waitFor(`the receipt of revision ${number} (${step.kind})`, async () => {
    const found = await client.request<Revision>({ method: 'GET', path: `${path}/revisions/${number}` });
    return found.body.receipts[0] && found.body;
  });
  const [receipt] = revision.receipts;
  return { ...common, diff: revision.diff, ...(receipt ? { receipt } : {}) };
}

/** Looks again and again with connections of its own; a look that fails has not felt it. */
async function untilFelt(look: Look): Promise<number | undefined> {
  const deadline = now() + FEEL_TIMEOUT_MS;
  while (now() < deadline) {
    const begun = now();
    if (await look().catch(() => false)) return begun;
    await sleep(1);
  }
  return undefined;
}

/** A sequence of numbers between 0 and 1 that is the same in each run (mulberry32). */
export function repeatableRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
