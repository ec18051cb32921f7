import { afterEach, beforeEach, expect, test } from 'vitest';
import { PRODUCT_PAGE_BODY, receiptFor } from '../../../test/support/control-plane.ts';
import { type Fleet, type PlayedMachine, startFleet } from '../../../test/support/fleet.ts';

let fleet: Fleet;
let id: string;
let active: PlayedMachine;
let standby: PlayedMachine;
beforeEach(async () => {
  fleet = await startFleet();
  const spec = { cidrs: ['10.0.0.0/16'], floatingAddresses: ['10.0.9.1'] };
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec } });
  active = await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  standby = await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  const body = {
    name: 'web-lb',
    spec: { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], nodes: 2 },
  };
  id = (await fleet.call('POST', '/v1/load-balancers', { body })).body.id;
  await fleet.work();
  await tell(active, 'active', 1);
  await tell(standby, 'standby', 1);
  await fleet.work();
});
afterEach(() => fleet.stop());

const since = '2026-11-23T04:00:00.000Z';
const tell = (machine: PlayedMachine, role: 'active' | 'standby', revision: number, outcome?: 'failed') =>
  machine.agent.report({
    id,
    observedRevision: outcome ? revision - 1 : revision,
    receipt: receiptFor(revision, outcome),
    backends: [],
    node: { role, since },
  });
const change = () =>
  fleet.call('PATCH', '/v1/load-balancers/web-lb', { body: { spec: { algorithm: 'leastconn' } } });

/** The next orders of a machine, and whether they have come. */
function orders({ agent, version }: PlayedMachine) {
  const seen = { hasCome: false, revisions: Promise.resolve<number[]>([]) };
  seen.revisions = agent.desired(version, 30).then(({ changed }) => {
    seen.hasCome = true;
    return changed.map(({ revision }) => revision);
  });
  return seen;
}

test.each([
  ['has it', undefined],
  ['has failed at it', 'failed'],
] as const)('the node with the address hears of a revision once its standby %s', async (_, outcome) => {
  const [first, second] = [orders(standby), orders(active)];
  await change();
  expect(await first.revisions).toEqual([2]);
  // The standby is at it, and tells so.
  await tell(standby, 'standby', 1);
  expect(second.hasCome).toBe(false);
  await tell(standby, 'standby', 2, outcome);
  expect(await second.revisions).toEqual([2]);
});

test('a standby that is told to be at fault holds nobody up', async () => {
  await standby.agent.report({
    id,
    observedRevision: 1,
    backends: [],
    node: { role: 'fault', since, reason: 'there is no keepalived' },
  });
  const second = orders(active);
  await change();
  expect(await second.revisions).toEqual([2]);
});

test('an agent that begins anew is told all at once', async () => {
  await change();
  expect((await active.agent.desired()).changed.map(({ revision }) => revision)).toEqual([2]);
});
