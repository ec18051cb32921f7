import { apiPath } from '../api/client.ts';
import type { ChallengePublisher } from './certificates/challenges/publisher.ts';
import { type ControlPlaneOptions, agentClient } from './control-plane.ts';

/** A provider may take its time; longer than this and the order is better tried again. */
const TIMEOUT_MS = 120_000;

/** A publisher by way of the control plane, which alone holds the credentials of zones. */
export function createChallengePublisher(options: ControlPlaneOptions): ChallengePublisher {
  const client = agentClient(options);
  return {
    async publish(name, value) {
      const body = { name, value };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      await (await client()).request({ method: 'POST', path: '/v1/agent/challenges', body, signal });
    },
    async remove(name, value) {
      const path = apiPath`/v1/agent/challenges/${name}/${value}`;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      await (await client()).request({ method: 'DELETE', path, signal });
    },
  };
}
