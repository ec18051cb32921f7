import { describe, expect, it } from 'vitest';
import { preferredRouterId } from '../../api/router-id.ts';
import { type KeepalivedOrder, renderKeepalived, spreadPriority, vrrpPriority } from './keepalived-config.ts';
import { floatingPaths } from './paths.ts';

const order: KeepalivedOrder = {
  id: 'lb_01m833pgxtewv9hb4s1e6n3b2k',
  address: '10.80.0.12',
  device: 'eth0',
  peers: ['10.80.0.11'],
  instances: [
    {
      suffix: '',
      routerId: 237,
      priority: 100,
      floating: [
        { address: '203.0.113.100', device: 'eth1' },
        { address: '2001:db8::100', device: 'eth1' },
      ],
    },
  ],
  isLastResort: false,
  isUrgent: false,
  paths: floatingPaths('/data/lb-1'),
};
const spread = (change: object = {}) => [
  ...order.instances,
  {
    suffix: '-7',
    routerId: 7,
    priority: 150,
    floating: [{ address: '203.0.113.101', device: 'eth1' }],
    ...change,
  },
];
/** The lines of the block of an instance. */
const instanceOf = (text: string, name: string) =>
  new RegExp(`^vrrp_instance ${name} \\{\n([^]*?)^\\}`, 'm').exec(text)?.[1];

describe('the configuration of keepalived', () => {
  it('is as expected', () => {
    expect(renderKeepalived(order)).toMatchInlineSnapshot(`
      "# Floating addresses of load balancer lb_01m833pgxtewv9hb4s1e6n3b2k. Written by the agentmetal agent, which overwrites what is changed here.
      global_defs {
        router_id lb_01m833pgxtewv9hb4s1e6n3b2k
        vrrp_version 3
        vrrp_rt_priority 1
        vrrp_rlimit_rttime 1000000
        vrrp_garp_master_delay 1
        vrrp_garp_master_refresh 5
        script_user root
        enable_script_security
      }

      track_file health {
        file "/data/lb-1/floating/health"
        weight 0
      }

      vrrp_script alive {
        script "/data/lb-1/floating/alive.sh"
        interval 1
        timeout 1
        fall 2
        rise 1
        weight 0
      }

      vrrp_instance floating {
        state BACKUP
        nopreempt
        interface eth0
        virtual_router_id 237
        priority 250
        advert_int 0.1
        unicast_src_ip 10.80.0.12
        unicast_peer {
          10.80.0.11
        }
        virtual_ipaddress {
          203.0.113.100/32 dev eth1
        }
        virtual_ipaddress_excluded {
          2001:db8::100/128 dev eth1
        }
        track_interface {
          eth1
        }
        track_file {
          health
        }
        track_script {
          alive
        }
        notify "/data/lb-1/floating/notify.sh"
      }
      "
    `);
  });

  it('says which nodes come first, close together, and as VRRP has it', () => {
    const ordered = [150, 100, 99, 98, 2, 1];
    const rendered = ordered.map(vrrpPriority);
    expect(rendered.slice(0, 4)).toEqual([254, 250, 242, 234]);
    expect(rendered.every((priority) => priority >= 1 && priority <= 254)).toBe(true);
    expect(rendered.toSorted((left, right) => right - left)).toEqual(rendered);
  });

  it('has them further apart where addresses are spread, and never as the last resort', () => {
    expect([150, 100, 99, 98, 1].map(spreadPriority)).toEqual([254, 230, 206, 182, 2]);
  });

  it('has an instance for each address that goes by itself, with files of its own, and leaves the first as it is', () => {
    const [one, both] = [renderKeepalived(order), renderKeepalived({ ...order, instances: spread() })];
    expect(instanceOf(both, 'floating')).toBe(
      instanceOf(one, 'floating')?.replace('priority 250', 'priority 230'),
    );
    expect(both).toContain('track_file health-7 {\n  file "/data/lb-1/floating/health-7"\n  weight 0\n}');
    expect(instanceOf(both, 'floating-7')).toMatchInlineSnapshot(`
      "  state BACKUP
        nopreempt
        interface eth0
        virtual_router_id 7
        priority 254
        advert_int 0.1
        unicast_src_ip 10.80.0.12
        unicast_peer {
          10.80.0.11
        }
        virtual_ipaddress {
          203.0.113.101/32 dev eth1
        }
        track_interface {
          eth1
        }
        track_file {
          health-7
        }
        track_script {
          alive
        }
        notify "/data/lb-1/floating/notify.sh"
      "
    `);
  });

  it('leaves it to the one that starts it to have it run before others', () => {
    const [itself, started] = [renderKeepalived(order), renderKeepalived({ ...order, isUrgent: true })];
    const lines = new Set(started.split('\n'));
    expect(itself.split('\n').filter((line) => !lines.has(line))).toEqual([
      '  vrrp_rt_priority 1',
      '  vrrp_rlimit_rttime 1000000',
    ]);
  });

  it('puts a node that has given its part up behind all others', () => {
    const text = renderKeepalived({ ...order, instances: spread(), isLastResort: true });
    expect(text.match(/^ {2}priority \d+$/gm)).toEqual(['  priority 1', '  priority 1']);
  });

  it('tells the network where there is no other node', () => {
    const text = renderKeepalived({ ...order, peers: [] });
    expect(text).not.toContain('unicast');
    expect(text).toContain('  mcast_src_ip 10.80.0.12\n');
  });

  it('has a router for each load balancer, the same on each of its nodes', () => {
    const ids = Array.from({ length: 500 }, (_, index) => preferredRouterId(`lb_${index}`));
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...ids)).toBeLessThanOrEqual(255);
    expect(new Set(ids).size).toBeGreaterThan(150);
  });

  it.each([
    { address: '10.80.0.12\n}' },
    { address: 'lb-1' },
    { peers: ['10.80.0.11 }'] },
    { instances: spread({ floating: [{ address: '203.0.113.100/24', device: 'eth1' }] }) },
    { instances: spread({ floating: [{ address: '203.0.113.100', device: 'eth1 {' }] }) },
    { instances: spread({ suffix: '-7 {' }) },
    { instances: spread({ routerId: 256 }) },
    { instances: spread({ routerId: 1.5 }) },
    { device: 'eth0\nscript x' },
    { id: 'lb 1' },
    { paths: floatingPaths('/data/"x') },
    { paths: floatingPaths('/data/my lb') },
  ])('takes nothing that keepalived would read as something else: %j', (change) => {
    expect(() => renderKeepalived({ ...order, ...change })).toThrow(
      /cannot be written|is no IP address|is no virtual router id/,
    );
  });
});
