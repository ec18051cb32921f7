import type { ApiRequest } from '../../../src/api/client.ts';
import type { Revision } from '../../../src/api/load-balancer.ts';
import type { Product } from '../../../test/support/product.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { now, sleep } from '../../support/clock.ts';
import { percentile } from '../../support/statistics.ts';
import { ms } from '../../support/table.ts';

/** Where the time of one change went, in milliseconds. */
export interface Timing {
  /** Until the API had answered. */
  accepted: number;
  /** From then until the agent began; below zero when it began before the answer was read. */
  delivered: number;
  /** What the receipt tells. */
  applied: number;
  /** From when it was sent until it was so in HAProxy. */
  effect: number;
  path: string;
}

export interface TimedChange {
  kind: string;
  request: ApiRequest;
  /** Whether it is so now. */
  isDone(): Promise<boolean>;
}

const TIMEOUT_MS = 60_000;
/** Whoever asks HAProxy more often, among ten thousand servers, mostly measures that. */
const LOOK_MS = 4;

/** Makes a change and looks when it is done. */
export async function timeChange(
  { client }: Product,
  id: string,
  { kind, request, isDone }: TimedChange,
): Promise<Timing> {
  const [sentAt, sentOn] = [now(), Date.now()];
  const answering = client.request(request).then((answer) => ({ answer, at: now() }));
  const effect = await untilDone(kind, isDone);
  const { answer, at } = await answering;
  const number = answer.headers.get('etag')?.replaceAll('"', '') ?? '';
  const path = `/v1/load-balancers/${id}/revisions/${number}`;
  const receipt = await waitFor(
    `the receipt of ${kind}`,
    async () => (await client.request<Revision>({ method: 'GET', path })).body.receipts[0],
    TIMEOUT_MS,
  );
  const accepted = at - sentAt;
  return {
    accepted,
    delivered: Date.parse(receipt.startedAt) - sentOn - accepted,
    applied: receipt.durationMs,
    effect: effect - sentAt,
    path: receipt.outcome === 'applied' ? receipt.path : receipt.outcome,
  };
}

async function untilDone(kind: string, isDone: () => Promise<boolean>): Promise<number> {
  const deadline = now() + TIMEOUT_MS;
  while (now() < deadline) {
    if (await isDone().catch(() => false)) return now();
    await sleep(LOOK_MS);
  }
  throw new Error(`${kind} had no effect within ${TIMEOUT_MS / 1000} s`);
}

export const TIMING_COLUMNS = [
  'times',
  'path',
  'sent → effect p50 ms',
  'p99',
  'sent → accepted p50',
  'p99',
  '→ agent begins p50',
  'p99',
  'agent (receipt) p50',
  'p99',
];

export function timingCells(timings: readonly Timing[]): string[] {
  const parts = (['effect', 'accepted', 'delivered', 'applied'] as const).flatMap((part) =>
    [0.5, 0.99].map((share) =>
      ms(
        percentile(
          timings.map((timing) => timing[part]),
          share,
        ),
      ),
    ),
  );
  return [String(timings.length), [...new Set(timings.map(({ path }) => path))].join(', '), ...parts];
}
