import { expect, test } from 'vitest';
import { createScene, isChecked } from '../../test/support/scene.ts';
import { waitFor } from '../../test/support/wait.ts';

const scene = await createScene();

test.each(['http', 'tcp'])(
  'of backends that are up (%s) it is told that a changed check has not come to a verdict, until it has',
  async (type) => {
    const backends = await Promise.all(['one', 'two', 'three'].map((name) => scene.backend(name)));
    const balancer = scene.balancer();
    const spec = (more: object) => ({
      type: 'http',
      port: 8080,
      backends: backends.map(({ target }) => ({ target })),
      healthCheck: { type, interval: '1s', fall: 2, ...more },
    });
    const states = () =>
      balancer.test
        .report()
        .backends.map(({ state, rechecking }) => `${state}${rechecking ? ', rechecking' : ''}`);
    const settled = () =>
      waitFor('verdicts', () => states().every((state) => !state.includes('rechecking')), 30_000);
    await balancer.start(spec({}));
    expect(states()).toEqual(['up', 'up', 'up']);

    // One that passes: all stay up, and that is known once each has been checked anew.
    await balancer.test.set(spec({ timeout: '400ms' }));
    expect(states()).toContain('up, rechecking');
    await settled();
    expect(states()).toEqual(['up', 'up', 'up']);

    // One that nobody passes: when nothing is open any more, all are down.
    await balancer.test.set(spec(type === 'http' ? { expectStatus: '500' } : { port: 1 }));
    expect(states()).toContain('up, rechecking');
    await settled();
    expect(states()).toEqual(['down', 'down', 'down']);

    // What changes nothing of the check is no new one.
    await balancer.test.set(spec({}));
    await isChecked(balancer.test);
    await settled();
    await balancer.test.set({ ...spec({}), algorithm: 'leastconn' });
    expect(states()).toEqual(['up', 'up', 'up']);
  },
);
