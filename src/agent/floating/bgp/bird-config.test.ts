import { describe, expect, it } from 'vitest';
import { type BirdOrder, renderBird } from './bird-config.ts';

const order: BirdOrder = {
  id: 'lb_01m833pgxtewv9hb4s1e6n3b2k',
  address: '10.80.0.12',
  asn: 65_001,
  routers: [
    { address: '203.0.113.1', asn: 65_000, password: 'of the router' },
    { address: '2001:db8::1', asn: 65_000 },
  ],
  addresses: ['198.51.100.10', '2001:db8:1::10'],
  announced: 'standby',
  log: '/data/lb-1/floating/bird.log',
};
/** Protocols of routes that are announced. */
const enabled = (announced: BirdOrder['announced']) =>
  [...renderBird({ ...order, announced }).matchAll(/^protocol static (\S+) \{\n(?! {2}disabled)/gm)].map(
    ([, name]) => name,
  );

describe('the configuration of BIRD', () => {
  it('is as expected', () => {
    expect(renderBird(order)).toMatchInlineSnapshot(`
      "# Announcements of load balancer lb_01m833pgxtewv9hb4s1e6n3b2k. Written by the agentmetal agent, which overwrites what is changed here.
      log "/data/lb-1/floating/bird.log" 1000000 "/data/lb-1/floating/bird.log.1" { info, remote, warning, error, auth, fatal, bug };
      router id 10.80.0.12;
      protocol device devices { }
      protocol bfd bfd_sessions { interface "*" { interval 50 ms; idle tx interval 1 s; multiplier 3; }; }
      protocol static active4 {
        disabled;
        ipv4 { preference 200; };
        route 198.51.100.10/32 blackhole;
      }
      protocol static active6 {
        disabled;
        ipv6 { preference 200; };
        route 2001:db8:1::10/128 blackhole;
      }
      protocol static standby4 {
        ipv4 { preference 150; };
        route 198.51.100.10/32 blackhole;
      }
      protocol static standby6 {
        ipv6 { preference 150; };
        route 2001:db8:1::10/128 blackhole;
      }
      filter announced {
        if proto ~ "active*" then accept;
        if proto ~ "standby*" then {
          bgp_path.prepend(65001);
          bgp_path.prepend(65001);
          bgp_path.prepend(65001);
          bgp_community.add((65535, 0));
          accept;
        }
        reject;
      }
      protocol bgp router1 {
        local as 65001;
        neighbor 203.0.113.1 as 65000;
        direct;
        bfd on;
        hold time 9;
        keepalive time 3;
        connect delay time 1;
        connect retry time 1;
        error wait time 1, 5;
        password "of the router";
        ipv4 { import none; export filter announced; next hop self; };
      }
      protocol bgp router2 {
        local as 65001;
        neighbor 2001:db8::1 as 65000;
        direct;
        bfd on;
        hold time 9;
        keepalive time 3;
        connect delay time 1;
        connect retry time 1;
        error wait time 1, 5;
        ipv6 { import none; export filter announced; next hop self; };
      }
      "
    `);
  });

  it('announces what it is told', () => {
    expect(enabled('active')).toEqual(['active4', 'active6', 'standby4', 'standby6']);
    expect(enabled('standby')).toEqual(['standby4', 'standby6']);
    expect(enabled('nothing')).toEqual([]);
  });

  it('has a router id of its own for a node without an IPv4 address', () => {
    const idOf = (address: string) => /^router id (\S+);$/m.exec(renderBird({ ...order, address }))?.[1];
    expect(idOf('10.80.0.12')).toBe('10.80.0.12');
    expect(idOf('fd00::1')).toMatch(/^[1-9]\d{0,2}(\.\d{1,3}){3}$/);
    expect(idOf('fd00::1')).not.toBe(idOf('fd00::2'));
  });

  it.each([
    { addresses: ['198.51.100.10; }'] },
    { routers: [{ address: 'router-1', asn: 1 }] },
    { routers: [{ address: '203.0.113.1', asn: 1.5 }] },
    { routers: [{ address: '203.0.113.1', asn: 1, password: 'a"; b' }] },
    { routers: [{ address: '203.0.113.1', asn: 1, password: 'a\nb' }] },
    { asn: 0 },
    { id: 'lb 1' },
    { log: '/data/"x' },
  ])('takes nothing that BIRD would read as something else: %j', (change) => {
    expect(() => renderBird({ ...order, ...change })).toThrow(
      /cannot be written|is no IP address|is no autonomous system/,
    );
  });

  it('does not tell a password that it cannot write', () => {
    const routers = [{ address: '203.0.113.1', asn: 1, password: 'secret"' }];
    expect(() => renderBird({ ...order, routers })).not.toThrow(/secret/);
  });
});
