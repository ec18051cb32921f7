import { expect, it } from 'vitest';
import { readStapleReport } from './ocsp.ts';

const OK = 'Response verify OK\n';
const GOOD =
  'leaf.pem: good\n\tThis Update: Nov 23 11:52:45 2026 GMT\n\tNext Update: Nov 27 11:52:45 2026 GMT\n';

it('a good word has its times', () => {
  const [thisUpdate, nextUpdate] = ['23', '27'].map((day) => Date.parse(`2026-11-${day}T11:52:45Z`));
  expect(readStapleReport(GOOD, OK)).toEqual({ thisUpdate, nextUpdate });
});

it.each([
  ['one that is not signed by the CA', GOOD, 'Response Verify Failure\n'],
  ['one of a revoked certificate', GOOD.replace('good', 'revoked'), OK],
  ['one without an end', GOOD.replace(/\tNext.*\n/, ''), OK],
  ['one with times that are none', GOOD.replace('Nov 27', 'Foo 99'), OK],
  ['no answer', '', 'Error querying OCSP responder\n'],
  ['nothing', '', ''],
])('%s is not used', (_what, stdout, stderr) => {
  expect(readStapleReport(stdout, stderr)).toHaveProperty('fault');
});
