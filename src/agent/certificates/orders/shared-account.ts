import type { AccountOffer, AcmeAccount } from '../../../api/acme-accounts.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';

/** How nodes agree on the account that they use with a CA. */
export interface AccountExchange {
  /** The account that the nodes of a load balancer use; undefined while none has offered one. */
  share(loadBalancerId: string, offer: AccountOffer): Promise<AcmeAccount | undefined>;
}

/** What one node knows of the account that it shares with others. */
export interface SharedAccount {
  /** The nodes of that load balancer use one account from now on. @returns whether it is to be agreed on yet */
  shareWith(loadBalancerId: string): boolean;
  /** Nothing is shared with anybody any more. */
  leave(): void;
  /** The CA does not know an account any more: it is not to be used again. */
  forget(id: string): void;
  /**
   * The account to use in place of the own one; undefined where the own one is right, nobody else has any, or the others
   * cannot be asked: then the own one is used, and they are asked again the next time.
   */
  agree(own: AcmeAccount | undefined): Promise<AcmeAccount | undefined>;
}

export function createSharedAccount(
  server: string,
  exchange: AccountExchange | undefined,
  logger: Logger,
): SharedAccount {
  let loadBalancerId: string | undefined;
  let isAgreed = false;
  let gone: string | undefined;
  return {
    shareWith(id) {
      if (loadBalancerId !== id) isAgreed = false;
      loadBalancerId = id;
      return exchange !== undefined && !isAgreed;
    },
    leave() {
      [loadBalancerId, isAgreed, gone] = [undefined, false, undefined];
    },
    forget(id) {
      gone = id;
      isAgreed = false;
    },
    async agree(own) {
      if (!exchange || loadBalancerId === undefined || isAgreed) return undefined;
      try {
        const kept = await exchange.share(loadBalancerId, {
          server,
          ...(own ? { account: own } : {}),
          ...(gone === undefined ? {} : { replaces: gone }),
        });
        if (!kept || kept.id === gone) return undefined;
        isAgreed = true;
        return kept.id === own?.id ? undefined : kept;
      } catch (error) {
        logger.warn({ error: messageOf(error) }, 'the other nodes’ ACME account cannot be asked for');
        return undefined;
      }
    },
  };
}
