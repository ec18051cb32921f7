import { expect, test } from 'vitest';
import { type OwnNode, judgeOwn } from './judge.ts';

const well: OwnNode = {
  machineId: 'a',
  isReporting: true,
  hasServed: true,
  evidence: undefined,
  leftOut: null,
};
const silent: OwnNode = { ...well, machineId: 'b', isReporting: false };
const gone = { kind: 'gone', seenBy: ['lb-1'] } as const;
const serves = { kind: 'serves', at: '10.0.0.6:80', seenBy: 'lb-1' } as const;
const TOLD = 'its agent is silent, and nothing takes connections there, as seen from lb-1';
const second = (node: Partial<OwnNode>) => judgeOwn([well, { ...silent, ...node }])[1];

test('a node is left out when somebody finds that nothing is served there, and not for its silence', () => {
  expect(second({ evidence: gone })).toBe(TOLD);
  expect(second({ evidence: serves })).toBeNull();
  expect(second({ evidence: undefined })).toBeNull();
  expect(second({ evidence: { kind: 'unseen' } })).toBeNull();
});

test('it stays so until it is seen to serve', () => {
  expect(second({ leftOut: TOLD })).toBe(TOLD);
  expect(second({ leftOut: TOLD, evidence: { kind: 'unseen' } })).toBe(TOLD);
  expect(second({ leftOut: TOLD, evidence: serves })).toBeNull();
  expect(second({ leftOut: TOLD, isReporting: true })).toBeNull();
});

test('one that comes is left out until it serves', () => {
  expect(second({ isReporting: true, hasServed: false })).toBe('its HAProxy does not run yet');
});

test('while nobody is known to serve, clients are sent to all', () => {
  const starting = { ...well, hasServed: false };
  expect(judgeOwn([starting, { ...silent, evidence: gone, leftOut: TOLD }])).toEqual([null, null]);
});
