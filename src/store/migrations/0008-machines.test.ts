import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OLD_SPECS } from '../../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { deleteLoadBalancer, findLoadBalancer } from '../load-balancers.ts';
import { findMachineHost, insertMachineHost, updateMachineHost } from '../machine-hosts.ts';
import { deleteMachine, findMachine } from '../machines.ts';
import { migrate } from '../migrate.ts';
import { deleteNode, nodesOf } from '../nodes.ts';
import { openStore } from '../open.ts';
import { receiptsOf } from '../revisions.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { findVpc } from '../vpcs.ts';
import { migrations } from './list.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

/** A database as the version before left it: `web-lb` on the control plane's host, with a receipt. */
async function writeOldDatabase(): Promise<void> {
  const path = join(directory.path, 'agentmetal.db');
  const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
  await migrate(db, Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0008')));
  await db.destroy();
  const database = new DatabaseSync(path);
  const insert = (table: string, values: Record<string, string | number>) => {
    const names = Object.keys(values);
    database
      .prepare(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`)
      .run(...Object.values(values));
  };
  const times = { created_at: 't', updated_at: 't' };
  insert('vpcs', { id: 'vpc_1', name: 'prod', labels: '{}', spec: '{}', revision: 1, ...times });
  insert('machines', {
    id: 'm_1',
    name: 'local',
    driver: 'local',
    token_hash: 'abc',
    change_version: 1,
    host_addresses: '[]',
    created_at: 't',
  });
  const lb = { name: 'web-lb', labels: '{}' };
  insert('load_balancers', {
    ...lb,
    ...times,
    id: 'lb_1',
    vpc_id: 'vpc_1',
    address: '127.80.0.1',
    ports: '[80]',
    revision: 1,
  });
  const node = { load_balancer_id: 'lb_1', machine_id: 'm_1' };
  const counts = { change_version: 1, observed_revision: 1, settled_revision: 1 };
  insert('nodes', { ...node, ...counts, backends: '[]', backends_size: 2 });
  insert('revisions', {
    ...lb,
    load_balancer_id: 'lb_1',
    number: 1,
    action: 'create',
    author: 'admin',
    created_at: 't',
    spec: JSON.stringify(OLD_SPECS.http),
    tag: 'x',
    base: 1,
    base_size: 1,
    diff: '[]',
    plan: '{"path":"none","steps":[]}',
  });
  insert('receipts', { ...node, revision: 1, outcome: 'applied', receipt: '{"machine":"local"}' });
  database.close();
}

test('what was there shares a machine, and receipts outlive machines', async () => {
  await writeOldDatabase();
  const store = await openStore(directory.path);
  await store.transaction(async (tx) => {
    expect(await findLoadBalancer(tx, 'web-lb')).toMatchObject({
      placement: 'shared',
      floating: [],
    });
    expect(await nodesOf(tx, ['lb_1'])).toMatchObject([{ machineId: 'm_1', position: 0 }]);
    expect(await findMachine(tx, 'local')).toMatchObject({ tokenHash: 'abc', os: null });
    expect((await findVpc(tx, 'prod'))?.spec.floatingAddresses).toEqual([]);
    const host = {
      machineId: 'm_1',
      vpcId: 'vpc_1',
      labels: { rack: 'a' },
      address: '10.0.0.5',
      publicAddress: null,
      ssh: { port: 22, user: 'root', hostKey: 'SHA256:x', sealedKey: 'sealed' },
      made: null,
      phase: 'ready',
      isDraining: true,
      steps: [],
      fault: null,
      attempts: 0,
      nextAt: 1_900_000_000_000,
      enrolment: { hash: 'h', expiresAt: 1_900_000_000_000, isUsed: true },
    } as const;
    await insertMachineHost(tx, host);
    expect(await findMachineHost(tx, 'm_1')).toEqual(host);
    const made = { ...host, ssh: null, made: { loadBalancerId: 'lb_1', release: 'trixie' } } as const;
    await updateMachineHost(tx, made);
    expect(await findMachineHost(tx, 'm_1')).toEqual(made);

    await deleteNode(tx, { loadBalancerId: 'lb_1', machineId: 'm_1' });
    await deleteMachine(tx, 'm_1');
    expect(await findMachineHost(tx, 'm_1')).toBeUndefined();
    expect((await receiptsOf(tx, 'lb_1', 1, 1)).get(1)).toMatchObject([{ machine: 'local' }]);
    await deleteLoadBalancer(tx, 'lb_1');
    expect((await receiptsOf(tx, 'lb_1', 1, 1)).get(1)).toBeUndefined();
  });
  await store.close();
});
