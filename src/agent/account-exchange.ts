import { SharedAccount } from '../api/acme-accounts.ts';
import { ApiError, apiPath } from '../api/client.ts';
import type { AccountExchange } from './certificates/orders/shared-account.ts';
import { type ControlPlaneOptions, agentClient } from './control-plane.ts';

const TIMEOUT_MS = 10_000;

/** Nodes agree by way of the control plane, which keeps the account sealed. */
export function createAccountExchange(options: ControlPlaneOptions): AccountExchange {
  const client = agentClient(options);
  return {
    async share(loadBalancerId, body) {
      const path = apiPath`/v1/agent/load-balancers/${loadBalancerId}/account`;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      try {
        const answer = await (await client()).request({ method: 'POST', path, body, signal });
        return SharedAccount.parse(answer.body).account;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      }
    },
  };
}
