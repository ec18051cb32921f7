import { expect, it } from 'vitest';
import { createAcmeScene } from '../../../test/support/acme/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createAcmeScene({ validitySeconds: 20 });

it('renews a certificate of seconds again and again, before it is over', async () => {
  const agent = await scene.agent();
  agent.want(['app.test']);
  const serials = new Set<string>();
  let left = Number.POSITIVE_INFINITY;
  await waitFor(
    'three certificates',
    () => {
      const { serial, notAfter, state } = agent.state('app.test');
      expect(state).not.toBe('expired');
      if (serial !== undefined) serials.add(serial);
      if (notAfter !== undefined) left = Math.min(left, Date.parse(notAfter) - Date.now());
      return serials.size >= 3;
    },
    40_000,
  );
  expect(left).toBeGreaterThan(0);
  expect(agent.state('app.test').attempts).toBe(0);
  await agent.stop();
});
