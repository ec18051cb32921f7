import { setTimeout } from 'node:timers/promises';
import { handshake } from './handshake.ts';

const CLIENTS = 2;
/** Others test on the same machine. */
const PAUSE_MS = 20;

/** Clients that shake hands on connections of their own, and trust one CA alone, until they are stopped. */
export interface FreshClients {
  /** Serial numbers of the certificates that were shown, in the order in which they were first. */
  serials: Set<string>;
  /** What went wrong so far; empty for nothing. */
  faults: readonly string[];
  /** The least time that any certificate had left when it was shown, in milliseconds. */
  leastLeftMs(): number;
  /** @returns how many hands were shaken, and what went wrong */
  stop(): Promise<{ shaken: number; faults: readonly string[] }>;
}

/** @param what the name that is asked for, and the CA that must vouch for it (PEM) */
export function shakeHands(host: string, { name, ca }: { name: string; ca: string }): FreshClients {
  let isOver = false;
  let shaken = 0;
  const serials = new Set<string>();
  const faults: string[] = [];
  let least = Number.POSITIVE_INFINITY;
  const once = async () => {
    try {
      const { authorized, certificate } = await handshake(host, { name, ca });
      shaken += 1;
      serials.add(certificate.serialNumber);
      least = Math.min(least, Date.parse(certificate.valid_to) - Date.now());
      // By the client's clock too: one that has ended is none.
      if (!authorized) faults.push(`not trusted: ${certificate.serialNumber} until ${certificate.valid_to}`);
    } catch (error) {
      faults.push(String(error));
    }
  };
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      await once();
      await setTimeout(PAUSE_MS);
    }
  });
  return {
    serials,
    faults,
    leastLeftMs: () => least,
    async stop() {
      isOver = true;
      await Promise.all(clients);
      return { shaken, faults };
    },
  };
}
