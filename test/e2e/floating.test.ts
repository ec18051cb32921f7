import { it } from 'vitest';
import { createCluster } from '../support/floating/cluster.ts';
it('x', async () => {
  const c = await createCluster(2);
  try {
    console.log('settled', await c.settled());
    const r = await c.during(async () => {
      await new Promise((r) => setTimeout(r, 1000));
    });
    console.log(JSON.stringify(r));
  } finally {
    await c.end();
  }
});
