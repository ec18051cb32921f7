import { expect, it } from 'vitest';
import { readOcspReport } from './ocsp.ts';

const OK = 'Response verify OK\n';
const GOOD =
  'leaf.pem: good\n\tThis Update: Nov 23 11:52:45 2026 GMT\n\tNext Update: Nov 27 11:52:45 2026 GMT\n';
const REVOKED = `${GOOD.replace('good', 'revoked')}\tReason: keyCompromise\n\tRevocation Time: Nov 20 01:02:03 2026 GMT\n`;
const NOW = Date.parse('2026-11-24T00:00:00Z');
const [saidAt, nextUpdate] = ['23', '27'].map((day) => Date.parse(`2026-11-${day}T11:52:45Z`));

it('a good word has its times', () => {
  expect(readOcspReport(GOOD, OK, NOW)).toEqual({ saidAt, nextUpdate, revocation: undefined });
});

it('one of a revoked certificate says since when and why, where the CA does', () => {
  const revocation = { at: Date.parse('2026-11-20T01:02:03Z'), reason: 'keyCompromise' };
  expect(readOcspReport(REVOKED, OK, NOW)).toEqual({ saidAt, nextUpdate, revocation });
  const bare = REVOKED.replace(/\t(Next|Reason|Revocation).*\n/g, '');
  expect(readOcspReport(bare, OK, NOW)).toMatchObject({ nextUpdate: undefined, revocation: {} });
});

it.each([
  ['one that is not signed by the CA', GOOD, 'Response Verify Failure\n'],
  ['a revocation that is not signed by the CA', REVOKED, 'Response Verify Failure\n'],
  ['one of a certificate that the CA does not know', GOOD.replace('good', 'unknown'), OK],
  ['one that is over', GOOD.replace('Nov 27', 'Nov 23'), OK],
  ['a revocation that is over', REVOKED.replace('Nov 27', 'Nov 23'), OK],
  ['one without a beginning', GOOD.replace(/\tThis.*\n/, ''), OK],
  ['one with times that are none', GOOD.replace('Nov 27', 'Foo 99'), OK],
  ['no answer', '', 'Error querying OCSP responder\n'],
  ['nothing', '', ''],
])('%s is not used', (_what, stdout, stderr) => {
  expect(readOcspReport(stdout, stderr, NOW)).toHaveProperty('fault');
});
