import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PUBLIC, VPC } from '../support/floating/network.ts';
import { type RealFleet, startRealFleet } from '../support/real-fleet/fleet.ts';
import { BACKENDS } from '../support/real-fleet/places.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 180_000;
const ADDRESSES = [...PUBLIC.spread, PUBLIC.floating];
const PATH = '/v1/load-balancers/web-lb';

describe.runIf(process.getuid?.() === 0)(
  'three machines with agents of their own, and an address for each',
  () => {
    let fleet: RealFleet;
    beforeAll(async () => {
      fleet = await startRealFleet(3, { vpc: { floatingAddresses: ADDRESSES } });
      const backends = BACKENDS.map((port) => ({ target: `${VPC.backends}:${port}` }));
      const healthCheck = { type: 'tcp', interval: '1s' };
      const spec = { type: 'http', vpc: 'prod', nodes: 3, backends, healthCheck };
      await fleet.call('POST', '/v1/load-balancers', { name: 'web-lb', spec });
    }, LONG_MS);
    afterAll(() => fleet?.end());

    const status = async () => (await fleet.loadBalancer('web-lb')).status;
    /** How many addresses each machine has, in the order of the machines. */
    const counts = async () => {
      const { nodes } = await status();
      return ['lb-1', 'lb-2', 'lb-3'].map(
        (name) => nodes.find(({ machine }) => machine === name)?.floating?.addresses?.length ?? -1,
      );
    };
    const untilCounts = (...wanted: number[]) =>
      waitFor(
        `${wanted.join(', ')} addresses`,
        async () => {
          const found = await counts();
          if (String(found) === String(wanted)) return true;
          throw new Error(`they have ${found.join(', ')}`);
        },
        LONG_MS,
      );
    const allAnswer = async () => {
      for (const address of ADDRESSES) await waitFor(`an answer of ${address}`, () => fleet.ask(address));
    };

    test(
      'have one each, and clients are sent to all of them',
      async () => {
        await untilCounts(1, 1, 1);
        await waitFor('the addresses', async () => (await status()).addresses.length === 3, 30_000);
        expect((await status()).addresses.toSorted()).toEqual(ADDRESSES.toSorted());
        await allAnswer();
      },
      LONG_MS,
    );

    test(
      'have one less when one steps back, and one each when it takes its part again',
      async () => {
        expect(await fleet.call('POST', `${PATH}/failover?node=lb-2`)).toEqual({ from: 'lb-2' });
        await waitFor('nothing at lb-2', async () => (await counts())[1] === 0, LONG_MS);
        expect((await counts()).toSorted((left, right) => left - right)).toEqual([0, 1, 2]);
        await allAnswer();
        const stepped = (await status()).nodes.find(({ machine }) => machine === 'lb-2');
        expect(stepped?.floating).toMatchObject({ role: 'standby', isLastResort: true });
        await fleet.call('POST', `${PATH}/failover?node=lb-2&back=true`);
        await untilCounts(1, 1, 1);
      },
      LONG_MS,
    );

    test(
      'serve all of them when one is dead',
      async () => {
        await fleet.crash(0);
        await allAnswer();
        await waitFor(
          'its address elsewhere',
          async () => (await counts()).slice(1).reduce((sum, each) => sum + each, 0) === 3,
          LONG_MS,
        );
      },
      LONG_MS,
    );
  },
);
