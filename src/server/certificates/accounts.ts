import { type AccountOffer, AcmeAccount } from '../../api/acme-accounts.ts';
import { AppError } from '../../base/errors.ts';
import { findAcmeAccount, saveAcmeAccount } from '../../store/acme-accounts.ts';
import { nodesOf } from '../../store/nodes.ts';
import type { ServerContext } from '../context.ts';

/**
 * Has the nodes of a load balancer use one account with the CA, so that each answers the challenges of all: the first that
 * was offered, until the CA does not know it any more.
 * @throws AppError when there is none yet and none is offered, and for a load balancer that is not on the machine
 */
export async function shareAccount(
  { store, sealer }: Pick<ServerContext, 'store' | 'sealer'>,
  machineId: string,
  loadBalancerId: string,
  { server, account, replaces }: AccountOffer,
): Promise<AcmeAccount> {
  return store.transaction(async (tx) => {
    const nodes = await nodesOf(tx, [loadBalancerId]);
    if (!nodes.some((node) => node.machineId === machineId))
      throw new AppError('not_found', 'there is no such load balancer on this machine');
    const kept = await findAcmeAccount(tx, { loadBalancerId, server });
    if (kept && (kept.accountId !== replaces || !account))
      return AcmeAccount.parse(JSON.parse(sealer.open(kept.sealed)));
    if (!account) throw new AppError('not_found', 'no node has an account with that CA yet');
    const sealed = sealer.seal(JSON.stringify(account));
    await saveAcmeAccount(tx, { loadBalancerId, server, accountId: account.id, sealed });
    return account;
  });
}
