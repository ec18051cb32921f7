import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  createWebLb,
  liveReport,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import type { Event } from '../../api/events.ts';

const LB = '/v1/load-balancers/web-lb';

let plane: ControlPlane;
beforeEach(async () => {
  plane = await startControlPlane();
  await plane.agent.report(liveReport(await createWebLb(plane)));
});
afterEach(() => plane.stop());

const events = async (): Promise<Event[]> =>
  (await plane.call('GET', `${LB}/events?type=backend.last_drained`)).body.items;
const change = async (target: string, body: object) =>
  expect((await plane.call('PATCH', `${LB}/backends/${target}`, { body })).status).toBe(200);
const tellDown = async (target: string) => {
  const report = liveReport((await plane.call('GET', LB)).body);
  const backends = report.backends.map((each) =>
    each.target === target ? { ...each, state: 'down' as const } : each,
  );
  await plane.agent.report({ ...report, backends });
};

test('that the last serving backend was drained is told once, and not that others were', async () => {
  await change('web-1:8080', { drain: true });
  expect(await events()).toEqual([]);
  await change('web-2:8080', { drain: true });
  expect(await events()).toMatchObject([
    {
      severity: 'warning',
      message:
        'pool default of web-lb takes no new clients any more: web-2:8080 was drained (admin). Take one back: agentmetal lb backend enable web-lb web-2:8080',
      details: { pool: 'default', drained: ['web-2:8080'], author: 'admin' },
    },
  ]);
  await change('web-1:8080', { weight: 7 });
  await plane.call('PATCH', LB, { body: { spec: { algorithm: 'leastconn' } } });
  expect((await events())[0]).toMatchObject({ count: 1 });
});

test('one that is left but is down does not serve, and one that was down ends nothing', async () => {
  await tellDown('web-2:8080');
  await change('web-1:8080', { weight: 0 });
  expect(await events()).toMatchObject([
    {
      message:
        'pool default of web-lb takes no new clients any more: web-1:8080 was drained (admin), and of the others none is up. Take one back: agentmetal lb backend set web-lb web-1:8080 --weight 1',
    },
  ]);
  await change('web-2:8080', { drain: true });
  expect(await events()).toMatchObject([{ count: 1 }]);
});

test('of other pools those are told that clients reach, by their names', async () => {
  const api = { backends: [{ target: 'web-3:80' }, { target: 'web-4:80' }] };
  const spec = { pools: { api, spare: api }, routes: [{ match: { pathPrefix: '/api' }, pool: 'api' }] };
  expect((await plane.call('PATCH', LB, { body: { spec } })).status).toBe(200);
  const drained = { backends: api.backends.map((each) => ({ ...each, drain: true })) };
  await plane.call('PATCH', LB, { body: { spec: { pools: { api: drained, spare: drained } } } });
  expect(await events()).toMatchObject([
    {
      message: expect.stringMatching(
        /^pool api of web-lb .*: web-3:80 and 1 more were drained \(admin\).*enable web-lb web-3:80 --pool api$/,
      ),
    },
  ]);
});

test('a backend that replaces the drained one in the same change is given its time', async () => {
  const backends = [{ target: 'web-1:8080', drain: true }, { target: 'web-9:8080' }];
  await plane.call('PATCH', LB, { body: { spec: { backends } } });
  expect(await events()).toEqual([]);
});
