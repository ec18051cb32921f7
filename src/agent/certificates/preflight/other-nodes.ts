import type { Clock } from '../../../base/clock.ts';
import { probe } from './probe.ts';

/** What the other nodes of a load balancer are to answer as this one does. */
export interface OtherNodesSubject {
  name: string;
  /** Addresses of the other nodes. */
  others: readonly string[];
  /** Port of plain HTTP, as it is bound. */
  port: number;
  /** Thumbprint of the account. */
  thumbprint: string;
}

const PROBE_MS = 1000;
const PAUSE_MS = 100;
const LONGEST_MS = 10_000;

/**
 * Waits until the other nodes answer challenges for the account too: the CA asks whichever has the address, while every node that looks
 * at the address sees itself. One that cannot be reached is not waited for, and nobody longer than ten seconds: it may be the other's
 * agent that is away, and the CA says what it finds.
 */
export async function untilOthersAnswer(
  { name, others, port, thumbprint }: OtherNodesSubject,
  { token, clock }: { token(): string; clock: Clock },
): Promise<void> {
  const isBehind = async (address: string): Promise<boolean> => {
    const asked = { domain: name, address, port, token: token(), thumbprint, timeoutMs: PROBE_MS };
    const { kind } = await probe(asked);
    return kind === 'other_server' || kind === 'other_account';
  };
  const until = clock.now() + LONGEST_MS;
  let behind = others;
  while (behind.length > 0 && clock.now() < until) {
    const answers = await Promise.all(behind.map(isBehind));
    behind = behind.filter((_, index) => answers[index]);
    if (behind.length > 0) await clock.sleep(PAUSE_MS);
  }
}
