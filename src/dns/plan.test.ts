import { describe, expect, test } from 'vitest';
import { ownershipName, ownershipText, parseOwnership } from './ownership.ts';
import { type WantedRecords, planRecords, planRemoval } from './plan.ts';
import type { RecordSet, RecordType } from './provider.ts';

const DOMAIN = 'app.example.com';
const OWNER = { controlPlane: 'cp_1', loadBalancer: 'lb_1' };
const WANTED: WantedRecords = { domain: DOMAIN, ttl: 60, ipv4: ['192.0.2.1'], ipv6: ['2001:db8::1'] };

const set = (type: RecordType, values: string[], { name = DOMAIN, ttl = 60 } = {}): RecordSet => ({
  name,
  type,
  ttl,
  values,
});
const claim = (owner = OWNER, ttl = 60) =>
  set('TXT', [ownershipText(owner)], { name: ownershipName(DOMAIN), ttl });
const A = set('A', ['192.0.2.1']);
const AAAA = set('AAAA', ['2001:db8::1']);

describe('what there should be', () => {
  test('is made with its ownership where there is nothing, and only if there still is nothing', () => {
    expect(planRecords(WANTED, OWNER, [])).toEqual({
      kind: 'change',
      change: {
        expect: ['A', 'AAAA', 'CNAME'].map((type) => ({ name: DOMAIN, type, values: [] })),
        edits: [claim(), A, AAAA].map((to) => ({ from: undefined, to })),
      },
    });
  });

  test('is left as it is where it is right', () => {
    expect(planRecords(WANTED, OWNER, [A, AAAA, claim()])).toEqual({ kind: 'done' });
  });

  test.each<[string, RecordSet[], number]>([
    ['another address', [set('A', ['192.0.2.9']), AAAA, claim()], 1],
    ['another TTL', [set('A', ['192.0.2.1'], { ttl: 300 }), AAAA, claim()], 1],
    ['one address too few', [A, claim()], 1],
    ['everything gone but the ownership', [claim()], 2],
    ['an old TTL of the ownership', [A, AAAA, claim(OWNER, 300)], 1],
  ])('is mended where it is ours: %s', (_, seen, edits) => {
    const plan = planRecords(WANTED, OWNER, seen);
    if (plan.kind !== 'change') throw new Error(plan.kind);
    expect(plan.change.edits).toHaveLength(edits);
    expect(plan.change.expect).toContainEqual({
      name: ownershipName(DOMAIN),
      type: 'TXT',
      values: [ownershipText(OWNER)],
    });
  });

  test('loses the kind of address that is not wanted any more', () => {
    const plan = planRecords({ ...WANTED, ipv6: [] }, OWNER, [A, AAAA, claim()]);
    expect(plan).toMatchObject({ change: { edits: [{ from: AAAA, to: undefined }] } });
  });
});

describe('what somebody else made', () => {
  test.each<[string, RecordSet[]]>([
    ['another address', [set('A', ['203.0.113.9'])]],
    ['the right address with a wrong one beside it', [A, set('AAAA', ['2001:db8::9'])]],
    ['one of two addresses', [A]],
    ['an alias', [set('CNAME', ['elsewhere.example.net'])]],
  ])('is left alone: %s', (_, seen) => {
    expect(planRecords(WANTED, OWNER, seen)).toEqual({ kind: 'taken', records: seen });
    expect(planRemoval(DOMAIN, OWNER, seen)).toBeUndefined();
  });

  test('is fine where it is as wanted', () => {
    expect(planRecords(WANTED, OWNER, [A, AAAA])).toEqual({ kind: 'as-wanted' });
  });

  test('is not in the way as long as it is a text', () => {
    expect(planRecords(WANTED, OWNER, [set('TXT', ['v=spf1 -all'])]).kind).toBe('change');
  });

  test('is left alone where another control plane or load balancer says so', () => {
    for (const owner of [
      { ...OWNER, controlPlane: 'cp_2' },
      { ...OWNER, loadBalancer: 'lb_2' },
    ]) {
      const seen = [A, AAAA, claim(owner)];
      expect(planRecords(WANTED, OWNER, seen)).toEqual({ kind: 'claimed', owner });
      expect(planRemoval(DOMAIN, OWNER, seen)).toBeUndefined();
    }
  });

  test('an alias over records of ours is left alone too', () => {
    const alias = set('CNAME', ['elsewhere.example.net']);
    expect(planRecords(WANTED, OWNER, [alias, claim()])).toEqual({ kind: 'taken', records: [alias] });
  });

  test('a text beside the ownership stays', () => {
    const name = ownershipName(DOMAIN);
    const note = set('TXT', ['a note'], { name });
    const both = { ...note, values: ['a note', ownershipText(OWNER)] };
    expect(planRecords(WANTED, OWNER, [note])).toMatchObject({
      change: { edits: [{ from: note, to: both }, { to: A }, { to: AAAA }] },
    });
    expect(planRemoval(DOMAIN, OWNER, [A, both])).toMatchObject({
      edits: [
        { from: A, to: undefined },
        { from: both, to: note },
      ],
    });
  });
});

test('a removal takes addresses first and the ownership last, and nothing else', () => {
  const text = set('TXT', ['v=spf1 -all']);
  expect(planRemoval(DOMAIN, OWNER, [A, AAAA, claim(), text])).toEqual({
    expect: [{ name: ownershipName(DOMAIN), type: 'TXT', values: [ownershipText(OWNER)] }],
    edits: [A, AAAA, claim()].map((from) => ({ from, to: undefined })),
  });
  expect(planRemoval(DOMAIN, OWNER, [])).toBeUndefined();
});

test('ownership is read as it is written; other texts are none', () => {
  expect(parseOwnership(ownershipText(OWNER))).toEqual(OWNER);
  for (const text of ['', 'heritage=external-dns,external-dns/owner=x', `${ownershipText(OWNER)} `])
    expect(parseOwnership(text)).toBeUndefined();
  expect(ownershipName('app.example.com')).toBe('_agentmetal.app.example.com');
  expect(ownershipName('*.example.com')).toBe('_agentmetal-wildcard.example.com');
});
