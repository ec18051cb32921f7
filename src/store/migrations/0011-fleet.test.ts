import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { findAcmeAccount, saveAcmeAccount } from '../acme-accounts.ts';
import { findAgentUpgrade, saveAgentUpgrade } from '../agent-upgrades.ts';
import { deleteLoadBalancer } from '../load-balancers.ts';
import { findMachineHost, updateMachineHost } from '../machine-hosts.ts';
import { deleteMachine, findMachine, updateMachine } from '../machines.ts';
import { migrate } from '../migrate.ts';
import { deleteNode } from '../nodes.ts';
import { type Store, openStore } from '../open.ts';
import { listReplacements, saveReplacement } from '../replacements.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from '../sqlite.ts';
import { migrations } from './list.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;
beforeEach(async () => {
  directory = await temporaryDirectory();
  await writeOldDatabase();
  store = await openStore(directory.path);
});
afterEach(async () => {
  await store.close();
  await directory.remove();
});

/** A database as it was before accounts were shared, and machines made, replaced and upgraded: `web-lb` on machine `lb-1`. */
async function writeOldDatabase(): Promise<void> {
  const path = join(directory.path, 'agentmetal.db');
  const db = new Kysely<Database>({ dialect: sqliteDialect(path) });
  await migrate(db, Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0009')));
  await db.destroy();
  const database = new DatabaseSync(path);
  database.exec(`
    insert into vpcs (id, name, labels, spec, revision, created_at, updated_at) values ('vpc_1', 'prod', '{}', '{}', 1, 't', 't');
    insert into machines (id, name, driver, token_hash, change_version, host_addresses, created_at)
      values ('m_1', 'lb-1', 'ssh', 'abc', 1, '[]', 't');
    insert into machine_hosts (machine_id, vpc_id, labels, address, phase, draining, steps, attempts, next_at, enrol_used)
      values ('m_1', 'vpc_1', '{}', '10.0.0.5', 'ready', 0, '[]', 0, 0, 1);
    insert into load_balancers (id, name, labels, vpc_id, address, ports, revision, created_at, updated_at)
      values ('lb_1', 'web-lb', '{}', 'vpc_1', '127.80.0.1', '[80]', 1, 't', 't');
    insert into nodes (load_balancer_id, machine_id, change_version, observed_revision, settled_revision, backends, backends_size)
      values ('lb_1', 'm_1', 1, 1, 1, '[]', 2);
  `);
  database.close();
}

const upgrader = { version: '0.1.0-0123456789ab' };
const replacement = {
  loadBalancerId: 'lb_1',
  machineId: 'm_1',
  state: 'held',
  code: 'unseen',
  reason: 'nobody could look',
  replacedBy: null,
  since: 1_900_000_000_000,
} as const;
const upgrade = {
  machineId: 'm_1',
  version: upgrader.version,
  state: 'failed',
  reason: 'it did not report',
  since: 1_900_000_000_000,
} as const;
const account = { loadBalancerId: 'lb_1', server: 'https://ca.test/dir', accountId: 'a', sealed: 's' };

test('machines of before are in nobody’s place, were not made, and are not upgraded', async () => {
  await store.transaction(async (tx) => {
    expect(await findMachine(tx, 'lb-1')).toMatchObject({ upgrader: null });
    expect(await findMachineHost(tx, 'm_1')).toMatchObject({ address: '10.0.0.5', made: null });
    expect(await listReplacements(tx)).toEqual([]);
    expect(await findAgentUpgrade(tx, 'm_1')).toBeUndefined();
    expect(await findAcmeAccount(tx, account)).toBeUndefined();
  });
});

test('what is kept of replacements, upgrades, made machines and accounts comes back as it was', async () => {
  await store.transaction(async (tx) => {
    const [machine, host] = [await findMachine(tx, 'm_1'), await findMachineHost(tx, 'm_1')];
    if (!machine || !host) throw new Error('the machine is not there');
    await updateMachine(tx, { ...machine, upgrader });
    await updateMachineHost(tx, { ...host, made: { loadBalancerId: 'lb_1', release: 'trixie' } });
    await saveReplacement(tx, replacement);
    await saveAgentUpgrade(tx, upgrade);
    await saveAcmeAccount(tx, account);
  });
  await store.transaction(async (tx) => {
    expect(await findMachine(tx, 'm_1')).toMatchObject({ upgrader });
    expect((await findMachineHost(tx, 'm_1'))?.made).toEqual({ loadBalancerId: 'lb_1', release: 'trixie' });
    expect(await listReplacements(tx, ['lb_1'])).toEqual([replacement]);
    expect(await findAgentUpgrade(tx, 'm_1')).toEqual(upgrade);
    expect(await findAcmeAccount(tx, account)).toEqual(account);
    // A second word takes the place of the first.
    await saveReplacement(tx, { ...replacement, state: 'lost', replacedBy: 'm_2' });
    await saveAgentUpgrade(tx, { ...upgrade, state: 'asked', reason: null });
    await saveAcmeAccount(tx, { ...account, accountId: 'b' });
    expect(await listReplacements(tx)).toMatchObject([{ state: 'lost', replacedBy: 'm_2' }]);
    expect(await findAgentUpgrade(tx, 'm_1')).toMatchObject({ state: 'asked', reason: null });
    expect(await findAcmeAccount(tx, account)).toMatchObject({ accountId: 'b' });
  });
});

test('they go with their machine and their load balancer', async () => {
  await store.transaction(async (tx) => {
    await saveReplacement(tx, replacement);
    await saveAgentUpgrade(tx, upgrade);
    await saveAcmeAccount(tx, account);
    await deleteNode(tx, { loadBalancerId: 'lb_1', machineId: 'm_1' });
    await deleteMachine(tx, 'm_1');
    expect(await listReplacements(tx)).toEqual([]);
    expect(await findAgentUpgrade(tx, 'm_1')).toBeUndefined();
    await deleteLoadBalancer(tx, 'lb_1');
    expect(await findAcmeAccount(tx, account)).toBeUndefined();
  });
});
