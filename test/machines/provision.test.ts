import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DesiredLoadBalancer } from '../../src/api/agent.ts';
import { ApiClient } from '../../src/api/client.ts';
import { createHttpSend } from '../../src/api/http-send.ts';
import type { Machine } from '../../src/api/machines.ts';
import { AppError } from '../../src/base/errors.ts';
import { agentBundle } from '../../src/machines/bundle/bundle.ts';
import type { ContainerMachine } from '../../src/machines/container/driver.ts';
import { installScript } from '../../src/machines/install-script.ts';
import {
  type Provisioning,
  STEPS,
  type StepReport,
  hostKeyOf,
  provision,
  release,
} from '../../src/machines/provision.ts';
import { generateKeyPair } from '../../src/machines/ssh/keys.ts';
import { quote } from '../../src/machines/steps/script.ts';
import type { SshTarget } from '../../src/machines/ssh/target.ts';
import { runServer } from '../../src/server/main.ts';
import { ask } from '../support/ask.ts';
import { startBackend } from '../support/backends.ts';
import { type AgentEndpoint, startAgentEndpoint } from '../support/machines/agent-endpoint.ts';
import { freshMachine, leavePythonUncompiled } from '../support/machines/fresh.ts';
import type { PackageServer } from '../support/machines/package-server.ts';
import {
  type MachineWorld,
  calm,
  onMachine,
  startWorld,
  whyNoContainers,
} from '../support/machines/world.ts';
import { specOf } from '../support/service.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;
const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

let world: MachineWorld;
let bundle: string;
let agents: AgentEndpoint;

beforeAll(async () => {
  if (reason !== undefined) return;
  world = await startWorld();
  bundle = await agentBundle(world.dataDir);
  agents = await startAgentEndpoint(world.dataDir, world.gateway, bundle, (token) =>
    installScript(agentOf(token)),
  );
}, 600_000);
afterAll(async () => {
  await agents?.stop();
  await world?.close();
});

function agentOf(token: string): Provisioning['agent'] {
  return { url: agents.url, certificate: agents.certificate, token, machine: 'lb-1' };
}

/** A new order each time, because a token is good once. */
function orderFor({ target }: { target: SshTarget }): Provisioning {
  return { target, agent: agentOf(agents.newToken()), bundle };
}

async function faultOf(work: Promise<unknown>): Promise<AppError> {
  const fault = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (fault instanceof AppError) return fault;
  throw new Error('there was no fault of the kind that is meant', { cause: fault });
}

function webLb(backends: { target: string }[]): DesiredLoadBalancer {
  return {
    id: 'lb_00000000000000000000000000',
    name: 'web-lb',
    revision: 1,
    spec: specOf({ type: 'http', backends }),
    address: '*',
    vpc: { name: 'prod', cidrs: ['198.18.0.0/15'], nameServers: [], hosts: [] },
    allowLoopbackBackends: false,
  };
}

const quiet = () => undefined;
const UNTIL_HALF_INSTALLED = `timeout 120 sh -c 'until dpkg --audit | grep -q .; do sleep 0.02; done'`;
const installedOn = (machine: ContainerMachine) =>
  onMachine(machine, `dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\\n' | sort`);

describe.skipIf(reason !== undefined)('a machine of Debian 12', () => {
  let machine: ContainerMachine;
  let packages: PackageServer;
  let before: string;

  beforeAll(async () => {
    ({ machine, packages } = await freshMachine(world, 'lb-12', 'bookworm'));
    await leavePythonUncompiled(machine);
    before = await installedOn(machine);
  }, LONG_MS);
  afterAll(() => packages?.stop());

  const failing = (target: Partial<SshTarget>) =>
    faultOf(provision(orderFor({ target: { ...machine.target, ...target } }), quiet, calm));

  test('shows its host key before anybody trusts it', async () => {
    expect(await hostKeyOf(machine.target.host, 22)).toBe(machine.target.hostKey);
  });

  test('with another host key than the pinned one is not logged in to', async () => {
    const fault = await failing({ hostKey: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' });
    expect(fault.code).toBe('host_key_changed');
    expect(fault.message).toContain(machine.target.hostKey);
    expect(fault.message).toContain('SHA256:AAAA');
  });

  test('that does not know the key says so', async () => {
    expect((await failing({ privateKey: generateKeyPair('nobody').private })).code).toBe(
      'machine_key_refused',
    );
    expect((await failing({ privateKey: 'no key' })).code).toBe('machine_key_unreadable');
  });

  test('that nothing answers on is unreachable', async () => {
    expect((await failing({ port: 23 })).code).toBe('machine_unreachable');
    expect((await faultOf(hostKeyOf(machine.target.host, 23))).code).toBe('machine_unreachable');
  });

  test('on which the user may not become root asks for it, and goes on by sudo when it is given', async () => {
    await onMachine(
      machine,
      'useradd -m -s /bin/bash ops; cp -r /root/.ssh /home/ops/; chown -R ops /home/ops/.ssh',
    );
    const fault = await failing({ user: 'ops' });
    expect(fault.code).toBe('sudo_needed');
    expect(fault.hint).toContain('/etc/sudoers.d');
    await onMachine(machine, `echo 'ops ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/agentmetal`);
  });

  test('with another system, or without systemd, or a wrong clock, is refused', async () => {
    await onMachine(
      machine,
      'cp /etc/os-release /root/os; rm /etc/os-release; echo ID=slackware >/etc/os-release',
    );
    expect((await failing({})).message).toContain('it runs slackware');
    await onMachine(machine, 'cp /root/os /etc/os-release; mv /run/systemd/system /run/systemd/away');
    expect((await failing({})).code).toBe('machine_without_systemd');
    await onMachine(machine, 'mv /run/systemd/away /run/systemd/system');
    const later = { now: () => Date.now() + 3_600_000 };
    const fault = await faultOf(provision(orderFor(machine), quiet, calm, later));
    expect(fault.code).toBe('machine_clock_wrong');
    expect(fault.message).toContain('60 minutes behind');
  });

  test('with a full disk says where', async () => {
    await onMachine(machine, 'mkdir -p /opt; mount -t tmpfs -o size=20m tmpfs /opt');
    const fault = await failing({});
    await onMachine(machine, 'umount /opt');
    expect(fault.code).toBe('machine_disk_full');
    expect(fault.message).toContain('/opt has 20 MB free');
  });

  test(
    'whose package server is gone says so, and nothing is half done',
    async () => {
      await packages.stop();
      const fault = await failing({});
      await packages.start();
      expect(fault.code).toBe('machine_packages_unreachable');
      expect(await installedOn(machine)).toBe(before);
    },
    LONG_MS,
  );

  test(
    'on which dpkg is killed half-way, and then something else holds its lock, gets ready by trying again',
    async () => {
      const first = faultOf(provision(orderFor({ target: { ...machine.target, user: 'ops' } }), quiet, calm));
      await onMachine(machine, `${UNTIL_HALF_INSTALLED}; pkill -9 -x apt-get; pkill -9 -x dpkg || :`);
      expect((await first).code).toMatch(/^machine_(packages_failed|script_failed)$/);
      await onMachine(
        machine,
        // What apt takes is a lock of fcntl's kind.
        `perl -MFcntl -e 'open(F, ">>", "/var/lib/dpkg/lock-frontend"); fcntl(F, F_SETLK, pack("s s l! l! l l", F_WRLCK, 0, 0, 0, 0, 0)) or exit 1; sleep 3' >/dev/null 2>&1 &`,
      );
      const steps: StepReport[] = [];
      await provision(orderFor(machine), (step) => steps.push(step), calm);
      expect(steps.filter(({ state }) => state === 'done').map(({ name }) => name)).toEqual(STEPS);
      expect(steps.find(({ name, state }) => name === 'system' && state === 'done')?.detail).toBe(
        'debian 12',
      );
    },
    LONG_MS,
  );

  test(
    'serves a load balancer, which goes on while the agent is restarted and made ready again',
    async () => {
      const backend = await startBackend({ name: 'web-1', host: world.gateway });
      agents.order([webLb([{ target: `${world.gateway}:${backend.port}` }])]);
      const url = `http://${machine.target.host}/`;
      await waitFor('an answer of web-1', async () => (await ask(url)).body === 'web-1', LONG_MS);
      const master = 'cat /var/lib/agentmetal-agent/load-balancers/*/haproxy.pid';
      const [pid, agentPid] = [
        await onMachine(machine, master),
        await onMachine(machine, 'systemctl show -p MainPID --value agentmetal-agent'),
      ];
      await provision(orderFor(machine), quiet, calm);
      expect(await onMachine(machine, master)).toBe(pid);
      expect(await onMachine(machine, 'systemctl show -p MainPID --value agentmetal-agent')).not.toBe(
        agentPid,
      );
      expect((await ask(url)).body).toBe('web-1');
      await machine.container.crash();
      await machine.container.start();
      await waitFor('an answer after a power cut', async () => (await ask(url)).body === 'web-1', LONG_MS);
      await backend.stop();
    },
    LONG_MS,
  );

  test(
    'holds a floating address, under all that the service is forbidden',
    async () => {
      const node = {
        name: 'lb-12',
        priority: 150,
        address: '10.90.0.10',
        floatingAddresses: ['10.90.0.50'],
        members: [
          { name: 'lb-12', address: '10.90.0.10' },
          { name: 'lb-13', address: '10.90.0.99' },
        ],
      };
      agents.order([{ ...webLb([]), revision: 2, node }]);
      await waitFor(
        'the address',
        async () => (await onMachine(machine, 'ip -o -4 addr show dev eth0')).includes('10.90.0.50'),
        LONG_MS,
      );
    },
    LONG_MS,
  );

  test('has no secret where others can read it, and no service of the distribution running', async () => {
    expect(await onMachine(machine, `ls /etc/agentmetal/enrol-token 2>&1 || :`)).toContain('No such file');
    expect(
      await onMachine(
        machine,
        `stat -c %a /etc/agentmetal /etc/agentmetal/control-plane.pem /etc/agentmetal/agent.env`,
      ),
    ).toBe('700\n600\n600');
    expect(await onMachine(machine, 'systemctl is-active haproxy keepalived bird certbot.timer || :')).toBe(
      'inactive\ninactive\ninactive\ninactive',
    );
  });

  test(
    'is clean when it has been released, and releasing it again is no fault',
    async () => {
      await release(machine.target, calm);
      expect(await installedOn(machine)).toBe(before);
      const left = `find / -xdev \\( -name '*agentmetal*' -o -name 'haproxy*' \\) -not -path '/proc/*' -not -path '/etc/sudoers.d/*' -not -path /run/lock/agentmetal-machine -not -path '/var/cache/apt/*'; pgrep -a haproxy || :`;
      expect(await onMachine(machine, left)).toBe('');
      await release(machine.target, calm);
    },
    LONG_MS,
  );
});

describe.skipIf(reason !== undefined)('a machine of Debian 13', () => {
  let machine: ContainerMachine;
  let packages: PackageServer;

  beforeAll(async () => {
    ({ machine, packages } = await freshMachine(world, 'lb-13', 'trixie'));
    await leavePythonUncompiled(machine);
  }, LONG_MS);
  afterAll(() => packages?.stop());

  /** The line that a user types there. */
  const install = (token: string) =>
    onMachine(
      machine,
      `{ printf 'header = "Authorization: Bearer %s"\\n' ${quote('token', token)} | curl -fsSk -K - ${agents.url}/v1/agent/install | sh; } 2>&1 || :`,
    );

  test(
    'whose power is cut while packages are installed is reported as lost',
    async () => {
      const fault = faultOf(provision(orderFor(machine), quiet, calm));
      await onMachine(machine, UNTIL_HALF_INSTALLED);
      await machine.container.crash();
      expect((await fault).code).toBe('machine_connection_lost');
      await machine.container.start();
      await machine.wait(calm);
    },
    LONG_MS,
  );

  test(
    'is made ready by the script that is run there, and calls home',
    async () => {
      const before = agents.enrolled();
      const said = await install(agents.newToken());
      expect(said).toContain('agentmetal: enrolment\nagentmetal: the machine is ready');
      expect(agents.enrolled()).toBe(before + 1);
      const count = agents.reports.length;
      await waitFor('a report', () => agents.reports.length > count);
      expect(agents.reports.at(-1)?.haproxyVersion).toMatch(/^3\./);
    },
    LONG_MS,
  );

  test('tells what is wrong where the script is run', async () => {
    const said = await install('a token of long ago');
    expect(said).toContain('401');
    const token = agents.newToken();
    await onMachine(machine, 'mount -t tmpfs -o size=20m tmpfs /var/tmp');
    const full = await install(token);
    await onMachine(machine, 'umount /var/tmp');
    expect(full).toContain('/var/tmp has 20 MB free');
    expect(full).toContain('Free some space');
  });

  test(
    'takes a newer agent, and keeps the one before',
    async () => {
      await onMachine(
        machine,
        'mv /opt/agentmetal/0* /opt/agentmetal/0.0.9; ln -sfn 0.0.9 /opt/agentmetal/current',
      );
      await provision(orderFor(machine), quiet, calm);
      const [current, ...versions] = (
        await onMachine(machine, 'readlink /opt/agentmetal/current; ls /opt/agentmetal')
      ).split('\n');
      expect(versions).toEqual(['0.0.9', current, 'current', 'upgrade']);
    },
    LONG_MS,
  );

  test(
    'goes back to the agent of before when the newer one does not run',
    async () => {
      await onMachine(
        machine,
        `cd /opt/agentmetal; new=$(readlink current); ln -sfn 0.0.9 current
         echo 'throw new Error("broken")' >$new/dist/agent/main.js`,
      );
      const fault = await faultOf(provision(orderFor(machine), quiet, calm));
      expect(fault.code).toBe('machine_service_failed');
      expect(fault.message).toContain('the version before, 0.0.9, runs again');
      expect(await onMachine(machine, 'readlink /opt/agentmetal/current; ls /opt/agentmetal')).toBe(
        '0.0.9\n0.0.9\ncurrent\nupgrade',
      );
      await waitFor(
        'the agent',
        async () => (await onMachine(machine, 'systemctl is-active agentmetal-agent || :')) === 'active',
      );
    },
    LONG_MS,
  );

  test(
    'is taken in by a control plane, gets a load balancer, and is clean when it is removed',
    async () => {
      const plane = await runServer({
        dataDir: join(world.dataDir, 'control-plane'),
        listen: '127.0.0.1:0',
        addressPool: '127.80.0.0/24',
        adminKey: KEY,
        agentListen: `${world.gateway}:0`,
      });
      const client = new ApiClient({ url: plane.url, key: KEY, send: createHttpSend({}) });
      const backend = await startBackend({ name: 'web-1', host: world.gateway });
      const { host: address, privateKey, hostKey } = machine.target;
      const path = '/v1/machines/lb-1';
      await client.request({
        method: 'POST',
        path: '/v1/vpcs',
        body: { name: 'prod', spec: { cidrs: ['198.18.0.0/15'] } },
      });
      await client.request({
        method: 'POST',
        path: '/v1/machines',
        body: { name: 'lb-1', driver: 'ssh', address, user: 'root', privateKey, hostKey, vpc: 'prod' },
      });
      await client.request({
        method: 'POST',
        path: '/v1/load-balancers',
        body: {
          name: 'web-lb',
          spec: { type: 'http', vpc: 'prod', backends: [{ target: `${world.gateway}:${backend.port}` }] },
        },
      });
      await waitFor(
        'an answer of web-1',
        async () => (await ask(`http://${address}/`)).body === 'web-1',
        LONG_MS,
      );
      const { body } = await client.request<Machine>({ method: 'GET', path });
      expect(body).toMatchObject({ state: 'online', loadBalancer: 'web-lb', fault: null });
      await client.request({ method: 'DELETE', path: '/v1/load-balancers/web-lb' });
      await waitFor('the machine to be free', async () => {
        const free = await client.request<Machine>({ method: 'GET', path });
        return free.body.loadBalancer === null;
      });
      await client.request({ method: 'DELETE', path });
      await waitFor(
        'the machine to be gone',
        () =>
          client.request({ method: 'GET', path }).then(
            () => false,
            () => true,
          ),
        LONG_MS,
      );
      expect(
        await onMachine(machine, 'ls -d /opt/agentmetal /etc/agentmetal /var/lib/agentmetal-agent 2>&1 || :'),
      ).not.toMatch(/^\//m);
      await plane.close();
      await backend.stop();
    },
    LONG_MS,
  );
});
