import { apiPath } from '../api/client.ts';
import { type ControlPlaneOptions, agentClient } from './control-plane.ts';

/** A provider may take its time; longer than this and the order is better tried again. */
const TIMEOUT_MS = 120_000;

/** Puts TXT records for DNS-01 into the zone of a domain, and takes them out again. */
export interface ChallengePublisher {
  /** Adds a text to `_acme-challenge.<domain>`, beside those that are there. Resolves when the provider has it. */
  publish(name: string, value: string): Promise<void>;
  /** Removes that text alone. */
  remove(name: string, value: string): Promise<void>;
}

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
