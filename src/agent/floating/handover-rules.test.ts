import { describe, expect, it } from 'vitest';
import { type HandoverOrder, renderHandover } from './handover-rules.ts';

const order: HandoverOrder = {
  id: 'lb_01m833pgxtewv9hb4s1e6n3b2k',
  floatingAddresses: ['203.0.113.100', '2001:db8::100'],
  address: '10.80.0.12',
  device: 'eth0',
  members: ['10.80.0.11', '10.80.0.12', '10.80.0.13'],
};
const nextOf = (change: Partial<HandoverOrder>) =>
  /dup to (\S+)/.exec(renderHandover({ ...order, ...change }))?.[1];

describe('the rules of a handover', () => {
  it('are as expected', () => {
    expect(renderHandover(order)).toMatchInlineSnapshot(`
      "table ip agentmetal-882fab89e7bb
      delete table ip agentmetal-882fab89e7bb
      table ip6 agentmetal-882fab89e7bb
      delete table ip6 agentmetal-882fab89e7bb
      table ip agentmetal-882fab89e7bb {
        chain arriving {
          type filter hook prerouting priority raw; policy accept;
          ip daddr { 203.0.113.100 } meta l4proto tcp tcp flags & (syn | ack) != syn jump going-on
        }
        chain going-on {
          # What finds only a listener has no connection here; what finds one that is beginning or ending has no wildcard to ask for.
          socket wildcard 1 goto elsewhere
          socket transparent 0 return
          socket transparent 1 return
          goto elsewhere
        }
        chain elsewhere {
          ip ttl <= 1 return
          ip ttl > 32 ip ttl set 3
          dup to 10.80.0.13 device "eth0" drop
        }
      }
      "
    `);
  });

  it('send packets around all nodes, the last to the first', () => {
    expect(['10.80.0.11', '10.80.0.12', '10.80.0.13'].map((address) => nextOf({ address }))).toEqual([
      '10.80.0.12',
      '10.80.0.13',
      '10.80.0.11',
    ]);
  });

  it('are those of the family in which the nodes reach each other', () => {
    const six = { address: 'fd00::12', members: ['fd00::11', 'fd00::12'] };
    const rules = renderHandover({ ...order, ...six });
    expect(rules).toContain('ip6 hoplimit set 2\n    dup to fd00::11 device "eth0" drop');
    expect(rules).not.toContain('203.0.113.100');
  });

  it.each([
    { members: ['10.80.0.12'] },
    { members: ['10.80.0.11', '10.80.0.13'] },
    { floatingAddresses: [] },
  ])('are none where there is nobody to hand to: %j', (change) => expect(nextOf(change)).toBeUndefined());

  it.each([
    { device: 'eth0" drop; }' },
    { floatingAddresses: ['203.0.113.100 }'] },
    { members: ['10.80.0.12', 'lb-1'] },
  ])('hold nothing that is read as something else: %j', (change) => {
    expect(() => renderHandover({ ...order, ...change })).toThrow(/is no IP address|cannot be written/);
  });
});
