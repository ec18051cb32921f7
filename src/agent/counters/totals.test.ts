import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Totals, createTotals } from './totals.ts';

/** What may happen to a HAProxy whose workers count. Times without number are between two looks. */
type Event =
  | { kind: 'count'; worker: number; key: number; by: number }
  | { kind: 'look'; worker: number }
  | { kind: 'reload' }
  | { kind: 'end'; worker: number }
  | { kind: 'crash'; worker: number }
  | { kind: 'remove'; worker: number; key: number }
  | { kind: 'restart-agent' };

const KEYS = ['frontend/clients:http', 'backend/default', 'server/default/a:1'];
const worker = fc.nat(3);
const key = fc.nat(KEYS.length - 1);
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('count' as const), worker, key, by: fc.nat(1000) }),
  fc.record({ kind: fc.constant('count' as const), worker, key, by: fc.nat(1000) }),
  fc.record({ kind: fc.constant('look' as const), worker }),
  fc.record({ kind: fc.constant('reload' as const) }),
  fc.record({ kind: fc.constant('end' as const), worker }),
  fc.record({ kind: fc.constant('crash' as const), worker }),
  fc.record({ kind: fc.constant('remove' as const), worker, key }),
  fc.record({ kind: fc.constant('restart-agent' as const) }),
);

/** A HAProxy that counts for itself what really happened, and an agent that looks at it. */
class Simulation {
  readonly truth = KEYS.map(() => 0);
  readonly #workers: Map<string, number>[] = [new Map()];
  readonly #ended = new Set<number>();
  #totals: Totals = createTotals();

  total(index: number): number {
    return this.#totals.get(KEYS[index] ?? '')?.[0] ?? 0;
  }

  run(event: Event): void {
    if (event.kind === 'reload') this.#workers.push(new Map());
    if (event.kind === 'restart-agent') this.#totals = createTotals(structuredClone(this.#totals.save()));
    if (!('worker' in event) || !this.#workers[event.worker] || this.#ended.has(event.worker)) return;
    const counters = this.#workers[event.worker] ?? new Map<string, number>();
    const name = 'key' in event ? (KEYS[event.key] ?? '') : '';
    if (event.kind === 'count') {
      counters.set(name, (counters.get(name) ?? 0) + event.by);
      this.truth[event.key] = (this.truth[event.key] ?? 0) + event.by;
    }
    // An agent looks before it lets a worker end and before it deletes a server; a crash gives no warning.
    if (event.kind === 'look' || event.kind === 'end' || event.kind === 'remove') this.#look(event.worker);
    if (event.kind === 'remove') {
      counters.delete(name);
      this.#look(event.worker);
    }
    if (event.kind === 'end' || event.kind === 'crash') {
      this.#ended.add(event.worker);
      this.#totals.end(`w${event.worker}`);
    }
  }

  lookEverywhere(): void {
    for (const index of this.#workers.keys()) if (!this.#ended.has(index)) this.#look(index);
  }

  #look(index: number): void {
    const readings = [...(this.#workers[index] ?? [])].map(([key, value]) => ({ key, values: [value] }));
    this.#totals.observe(`w${index}`, readings, true);
  }
}

describe('totals over reloads, crashes, removals and restarts of the agent', () => {
  test('never decrease and never count what did not happen', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const simulation = new Simulation();
        let before = KEYS.map(() => 0);
        for (const next of events) {
          simulation.run(next);
          const now = KEYS.map((_, index) => simulation.total(index));
          now.forEach((total, index) => {
            expect(total).toBeGreaterThanOrEqual(before[index] ?? 0);
            expect(total).toBeLessThanOrEqual(simulation.truth[index] ?? 0);
          });
          before = now;
        }
      }),
    );
  });

  test('are exact where no worker crashed', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const simulation = new Simulation();
        for (const next of events) if (next.kind !== 'crash') simulation.run(next);
        simulation.lookEverywhere();
        expect(KEYS.map((_, index) => simulation.total(index))).toEqual(simulation.truth);
      }),
    );
  });
});

describe('single cases', () => {
  const reading = (key: string, ...values: number[]) => ({ key, values });

  test('a worker after a reload adds to the one before, which goes on counting', () => {
    const totals = createTotals();
    totals.observe('old', [reading('k', 100, 1)], true);
    totals.observe('new', [reading('k', 5, 0)], true);
    totals.observe('old', [reading('k', 110, 1)], true);
    totals.end('old');
    expect(totals.get('k')).toEqual([115, 1]);
    expect(totals.workers()).toEqual(['new']);
  });

  test('a server that was removed and added again goes on from its total, though it counts higher than before', () => {
    const totals = createTotals();
    totals.observe('w', [reading('k', 10)], true);
    totals.observe('w', [], true);
    totals.observe('w', [reading('k', 15)], true);
    expect(totals.get('k')).toEqual([25]);
  });

  test('one counter that falls tells that the others have begun anew too', () => {
    const totals = createTotals();
    totals.observe('w', [reading('k', 10, 10)], true);
    totals.observe('w', [reading('k', 3, 12)], true);
    expect(totals.get('k')).toEqual([13, 22]);
  });

  test('a look at some of it takes nothing for removed', () => {
    const totals = createTotals();
    totals.observe('w', [reading('a', 10), reading('b', 10)], true);
    totals.observe('w', [reading('a', 11)], false);
    totals.observe('w', [reading('a', 11), reading('b', 11)], true);
    expect(totals.get('b')).toEqual([11]);
  });

  test('an agent that comes back counts what happened meanwhile once', () => {
    const before = createTotals();
    before.observe('w', [reading('k', 10)], true);
    const after = createTotals(before.save());
    after.observe('w', [reading('k', 14)], true);
    expect(after.get('k')).toEqual([14]);
  });

  test('of what is gone only so much is kept, and nothing of what is there is lost', () => {
    const totals = createTotals(undefined, 2);
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) totals.observe('w', [reading('kept', 1), reading(name, 1)], true);
    totals.observe('w', [reading('kept', 2)], true);
    expect([...totals.snapshot().keys()].toSorted()).toEqual(['c', 'd', 'kept']);
  });
});
