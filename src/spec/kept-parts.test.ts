import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createInterning } from '../../test/support/interned.ts';
import { diffValues } from './diff.ts';
import type { LoadBalancerSpec } from './load-balancer.ts';
import { backendMembershipErrors } from './membership.ts';
import { applyPatch, patchBetween } from './patch.ts';
import { shareStructure } from './share.ts';
import { relationErrors } from './validate.ts';

const backends = fc.array(
  fc.record({ target: fc.constantFrom('10.0.0.1:80', '10.1.0.1:80', '127.0.0.1:80') }),
  { maxLength: 2 },
);
const pool = fc.record(
  {
    backends,
    algorithm: fc.constantFrom('uri', 'leastconn'),
    sticky: fc.constantFrom({ mode: 'cookie' }, { mode: 'source-ip' }),
  },
  { requiredKeys: ['backends'] },
);
const route = fc.record({
  name: fc.constantFrom('one', 'two'),
  match: fc.constantFrom({ host: 'a.test' }, { path: '/' }),
  pool: fc.constantFrom('a', 'b'),
});
const raw = fc.record({
  type: fc.constantFrom('http', 'tcp'),
  tls: fc.constantFrom(undefined, {}),
  top: pool,
  pools: fc.record({ a: pool, b: pool }, { requiredKeys: [] }),
  routes: fc.array(route, { maxLength: 2 }),
});
const rules = fc.record({
  vpc: fc.constant('prod'),
  cidrs: fc.constantFrom(['10.0.0.0/16'], ['10.0.0.0/8']),
  allowLoopback: fc.boolean(),
});

it('what is known to be right of the parts of specs is what would be found now', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(raw, rules), { minLength: 2, maxLength: 12 }), (steps) => {
      const intern = createInterning();
      for (const [{ top, ...rest }, by] of steps) {
        const fresh = { ...rest, ...top };
        const spec = intern(fresh);
        expect(relationErrors(spec)).toEqual(relationErrors(structuredClone(fresh)));
        const found = (each: object) => backendMembershipErrors(each as LoadBalancerSpec, by);
        expect(found({ ...spec })).toEqual(found(structuredClone(fresh)));
      }
    }),
    { numRuns: 500 },
  );
});

const field = fc.constantFrom('a', 'b', 'c', 'constructor');
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, 1, 2, 'x'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 4 }),
    // Validated specs name no member of a list twice.
    fc.uniqueArray(fc.record({ name: field, of: tie('value') }), {
      selector: ({ name }) => name,
      maxLength: 3,
    }),
  ),
})).value;

it('parts that are the very same differ in nothing, and others as ever', () => {
  fc.assert(
    fc.property(value, value, (one, other) => {
      const intern = createInterning();
      const [before, after] = [intern(one), intern(other)];
      expect(diffValues(before, after)).toEqual(diffValues(structuredClone(one), structuredClone(other)));
      const patched = applyPatch(before, patchBetween(before, after));
      expect(JSON.stringify(patched)).toBe(JSON.stringify(other));
      const shared = shareStructure(one, structuredClone(other));
      expect(JSON.stringify(shared)).toBe(JSON.stringify(other));
    }),
    { numRuns: 3000 },
  );
});

it('of many fields those are told that differ', () => {
  const many = fc.dictionary(field, fc.nat(3));
  fc.assert(
    fc.property(many, many, (from, to) => {
      const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
      const own = (fields: Record<string, number>, name: string) =>
        Object.hasOwn(fields, name) ? fields[name] : undefined;
      const differing = names.filter((name) => own(from, name) !== own(to, name));
      expect(diffValues(from, to).map(({ pointer }) => pointer)).toEqual(differing.map((name) => `/${name}`));
    }),
  );
});
