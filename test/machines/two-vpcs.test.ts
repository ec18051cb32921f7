import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openManagement } from '../../src/machines/network/management.ts';
import { ask } from '../support/ask.ts';
import { run } from '../support/command.ts';
import { type Capture, macOf, startCapture } from '../support/machines/capture.ts';
import { type MadePlane, type MadeVpc, startMadePlane } from '../support/machines/made-plane.ts';
import { askInside } from '../support/machines/vpc-host.ts';
import { whyNoContainers } from '../support/machines/world.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

/** Test files run at the same time, and each has networks of its own. */
const outside = `198.51.${process.pid % 250}`;
const CIDR = '10.60.0.0/24';
const WEB = '10.60.0.7';
const NAMES = ['red', 'blue'] as const;
type Name = (typeof NAMES)[number];

describe.skipIf(reason !== undefined)('two VPCs with the same network', () => {
  let plane: MadePlane;
  const vpcs = {} as Record<Name, MadeVpc>;
  const captures = {} as Record<Name, Capture>;
  /** Where the load balancer of a VPC is reached. */
  const publicOf = {} as Record<Name, string>;
  const machineOf = {} as Record<Name, { id: string; namespace: string }>;

  beforeAll(async () => {
    plane = await startMadePlane();
    const driver = { type: 'container', public: { cidr: `${outside}.0/28` } };
    for (const name of NAMES) {
      const host = { address: `${WEB}/24`, text: `this is ${name}` };
      vpcs[name] = await plane.createVpc(name, { cidrs: [CIDR], driver }, host);
      captures[name] = await startCapture(join(plane.dataDir, `${name}.pcap`), 'vpc', vpcs[name].namespace);
    }
  }, 600_000);
  afterAll(async () => {
    for (const capture of Object.values(captures)) await capture.stop();
    await plane?.stop();
  }, LONG_MS);

  const macsOf = async (name: Name) => [
    await macOf(vpcs[name].namespace, 'vpc'),
    await macOf(vpcs[name].web.namespace, 'eth0'),
    await macOf(machineOf[name].namespace, 'eth0'),
  ];
  /** How often a capture has seen anything of a VPC. */
  const traces = async (capture: Capture, name: Name) => {
    const text = await capture.text();
    const marks = [...(await macsOf(name)), `this is ${name}`, `/from-${name}-clients`];
    return marks.map((mark) => text.split(mark).length - 1);
  };

  test(
    'each serve their own backend at the same address',
    async () => {
      await Promise.all(
        NAMES.map((name) =>
          plane.post('/v1/load-balancers', {
            name: `${name}-lb`,
            spec: { type: 'http', vpc: name, backends: [{ target: `${WEB}:8080` }] },
          }),
        ),
      );
      for (const name of NAMES) {
        const [address = ''] = await waitFor(
          `${name}-lb`,
          async () => {
            const { state, addresses } = await plane.status(`${name}-lb`);
            return state === 'active' ? addresses : undefined;
          },
          LONG_MS,
        );
        publicOf[name] = address;
        const machine = (await plane.machines()).find(({ loadBalancer }) => loadBalancer === `${name}-lb`);
        if (!machine) throw new Error(`${name}-lb has no machine`);
        expect(machine.address).toBe('10.60.0.2');
        machineOf[name] = { id: machine.id, namespace: plane.namespaceOf(machine.id) };
      }
      for (const name of NAMES) expect((await ask(`http://${publicOf[name]}/`)).body).toBe(`this is ${name}`);
    },
    LONG_MS,
  );

  test('see no packet of each other while both are under traffic', async () => {
    const asked = await Promise.all(
      NAMES.map(async (name) => {
        const answers = [];
        for (let index = 0; index < 100; index++)
          answers.push(await ask(`http://${publicOf[name]}/from-${name}-clients`));
        return answers.filter(({ body }) => body === `this is ${name}`).length;
      }),
    );
    expect(asked).toEqual([100, 100]);
    for (const name of NAMES) {
      const seen = await waitFor(`all of ${name} on its own capture`, async () => {
        const counts = await traces(captures[name], name);
        return (counts.at(-1) ?? 0) >= 100 ? counts : undefined;
      });
      // The bridge itself says nothing; hosts and machine do.
      expect(seen.slice(1).every((count) => count > 0)).toBe(true);
    }
    expect(await traces(captures.red, 'blue')).toEqual([0, 0, 0, 0, 0]);
    expect(await traces(captures.blue, 'red')).toEqual([0, 0, 0, 0, 0]);
  });

  test('are not reached from the other’s machine by any of its networks', async () => {
    const { addressOf } = await openManagement(join(plane.dataDir, 'machines/management-prefix'));
    const { namespace, id } = machineOf.red;
    expect(await askInside(namespace, `http://127.0.0.1/`)).toBe('this is red');
    expect(await askInside(namespace, `http://${publicOf.blue}/`)).toBe('');
    expect(await askInside(namespace, `http://[${addressOf(machineOf.blue.id)}]/`)).toBe('');
    expect(await askInside(namespace, `http://[${addressOf(id)}]/`)).toBe('this is red');
    expect((await ask(`http://[${addressOf(machineOf.blue.id)}]/`)).body).toBe('this is blue');
  });

  test('would be seen by the captures if they met', async () => {
    const [from, to] = [vpcs.red.namespace, vpcs.blue.namespace];
    const ip = async (line: string) => {
      const { code, stderr } = await run('ip', line.split(' '), process.env);
      expect({ line, code, stderr }).toMatchObject({ code: 0 });
    };
    await ip(`-n ${from} link add leak type veth peer name leak netns ${to}`);
    for (const namespace of [from, to]) await ip(`-n ${namespace} link set leak master vpc up`);
    await waitFor('a packet of the other VPC', async () => {
      // Nobody has that address, so it is asked for on the whole link.
      await askInside(vpcs.red.web.namespace, 'http://10.60.0.99/');
      const [, host = 0] = await traces(captures.blue, 'red');
      return host > 0;
    });
    await ip(`-n ${from} link del leak`);
  });
});
