import { describe, expect, it } from 'vitest';
import { shareStructure } from './share.ts';
import { validateLoadBalancer } from './validate.ts';

function specOf(backends: object[], pools: Record<string, object> = {}) {
  const validated = validateLoadBalancer({ name: 'a', spec: { type: 'http', backends, pools } });
  if (!validated.ok) throw new Error(JSON.stringify(validated.errors));
  return validated.value.spec;
}

describe('backends that are as before', () => {
  it('are the objects of before, wherever they stand, and the spec is the wanted one', () => {
    const before = specOf([{ target: 'a:1' }, { target: 'b:1', tls: {} }, { target: 'c:1' }], {
      api: { backends: [{ target: 'a:1' }] },
    });
    const wanted = specOf([{ target: 'b:1', tls: {} }, { target: 'a:1', weight: 2 }, { target: 'd:1' }], {
      api: { backends: [{ target: 'a:1' }] },
    });
    const shared = shareStructure(before, wanted);
    expect(shared).toEqual(wanted);
    expect(shared.backends[0]).toBe(before.backends[1]);
    expect(shared.backends[1]).not.toBe(before.backends[0]);
    expect(shared.pools['api']?.backends[0]).toBe(before.pools['api']?.backends[0]);
  });

  it('are not those whose nested settings differ', () => {
    const before = specOf([{ target: 'b:1', tls: { verify: true } }]);
    const wanted = specOf([{ target: 'b:1', tls: { verify: false } }]);
    expect(shareStructure(before, wanted)).toEqual(wanted);
  });
});
