import type { Tx } from './open.ts';

/** The account with a CA that the nodes of a load balancer use. */
export interface AcmeAccountRecord {
  loadBalancerId: string;
  /** Directory of the CA. */
  server: string;
  /** certbot's name for it. */
  accountId: string;
  /** All of it, sealed: it holds a private key. */
  sealed: string;
}

export async function findAcmeAccount(
  tx: Tx,
  { loadBalancerId, server }: Pick<AcmeAccountRecord, 'loadBalancerId' | 'server'>,
): Promise<AcmeAccountRecord | undefined> {
  const row = await tx
    .selectFrom('acme_accounts')
    .selectAll()
    .where('load_balancer_id', '=', loadBalancerId)
    .where('server', '=', server)
    .executeTakeFirst();
  return row && { loadBalancerId, server, accountId: row.account_id, sealed: row.sealed };
}

/** Keeps an account in place of the one of before. */
export async function saveAcmeAccount(tx: Tx, record: AcmeAccountRecord): Promise<void> {
  const { loadBalancerId: load_balancer_id, server, accountId: account_id, sealed } = record;
  await tx
    .insertInto('acme_accounts')
    .values({ load_balancer_id, server, account_id, sealed })
    .onConflict((conflict) =>
      conflict.columns(['load_balancer_id', 'server']).doUpdateSet({ account_id, sealed }),
    )
    .execute();
}
