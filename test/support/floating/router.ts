import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BgpOrder } from '../../../src/api/agent.ts';
import { waitFor } from '../wait.ts';
import { type Network, PUBLIC } from './network.ts';

const NODES_ASN = 65_001;
const ROUTER_ASN = 65_000;
const PASSWORD = 'of the router, with spaces';

/** The client's router, as nodes are told of it. */
export const ROUTED_BY: BgpOrder = {
  asn: NODES_ASN,
  routers: [{ address: PUBLIC.client, asn: ROUTER_ASN, password: PASSWORD }],
};

/**
 * Makes the client's machine a router that takes announcements by BGP, sends to all nodes that announce the same, each
 * connection to one of them, and notices within 0.15 s by BFD that one is gone.
 */
export async function startRouter({ client, nodes }: Network, directory: string): Promise<ChildProcess> {
  await client.run('sysctl', '-q', '-w', 'net.ipv4.fib_multipath_hash_policy=1');
  const file = (name: string) => join(directory, `router.${name}`);
  const sessions = nodes.map(
    (_, index) => `protocol bgp node${index + 1} {
  local ${PUBLIC.client} as ${ROUTER_ASN};
  neighbor ${PUBLIC.node(index)} as ${NODES_ASN};
  bfd on;
  passive;
  hold time 9;
  error wait time 1, 5;
  password "${PASSWORD}";
  ipv4 { import all; export none; };
}
`,
  );
  await writeFile(
    file('conf'),
    `log "${file('log')}" all;
router id ${PUBLIC.client};
protocol device { }
protocol kernel { merge paths on; ipv4 { import none; export all; }; }
protocol bfd { interface "*" { interval 50 ms; multiplier 3; }; }
${sessions.join('')}`,
  );
  const args = ['-f', '-c', file('conf'), '-s', file('ctl'), '-P', file('pid')];
  const bird = client.spawn(['chrt', '--fifo', '1', 'bird', ...args], ['ignore', 'inherit', 'inherit']);
  await waitFor('the router', async () =>
    (await client.run('birdc', '-s', file('ctl'), 'show', 'protocols')).includes('node1'),
  );
  return bird;
}
