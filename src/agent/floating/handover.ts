import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { exec, findProgram } from '../../host/exec.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { type HandoverOrder, renderHandover, withoutHandover } from './handover-rules.ts';

/** How long connections from before are handed on: what is under way then has so long to end. */
export const HANDOVER_MS = 60_000;

/** Hands packets of connections to the node that has them, for a while after addresses have moved. */
export interface Handover {
  /** Begins, or begins anew. It never throws: without it connections from before end, and new ones are well. */
  open(order: HandoverOrder): Promise<void>;
  /** Ends it and leaves nothing behind, nor anything of an agent of before. */
  close(): Promise<void>;
}

export interface HandoverOptions {
  id: string;
  /** Where rules are written before nft reads them. */
  file: string;
  clock: Clock;
  logger: Logger;
}

export function createHandover({ id, file, clock, logger }: HandoverOptions): Handover {
  let ending = new AbortController();
  /** An agent of before may have left rules. */
  let mayBeThere = true;
  let last = Promise.resolve();

  const load = async (text: string) => {
    await writeFileAtomic(file, text);
    const { code, stderr, missing } = await exec(findProgram('nft'), ['-f', file]);
    await rm(file, { force: true });
    if (missing) throw new Error('there is no `nft` on this machine: apt-get install nftables');
    if (code !== 0) throw new Error(stderr.trim().slice(0, 1000));
  };
  /** One after the other: rules of before must not come after those of now. */
  const inTurn = (what: () => Promise<void>) => (last = last.then(what, what));
  const clear = () =>
    inTurn(async () => {
      try {
        await load(withoutHandover(id));
        mayBeThere = false;
      } catch (error) {
        logger.debug(
          { loadBalancer: id, error: messageOf(error) },
          'rules of a handover cannot be taken away',
        );
      }
    });

  return {
    async open(order) {
      ending.abort();
      ending = new AbortController();
      const { signal } = ending;
      mayBeThere = true;
      await inTurn(async () => {
        try {
          // A node that joins is told of the others before there is anything else to write.
          await mkdir(dirname(file), { recursive: true, mode: 0o700 });
          await load(renderHandover(order));
        } catch (error) {
          logger.warn(
            { loadBalancer: id, error: messageOf(error) },
            'connections from before cannot be handed to the node that has them',
          );
        }
      });
      void clock.sleep(HANDOVER_MS, signal).then(() => (signal.aborted ? undefined : clear()));
    },
    async close() {
      ending.abort();
      if (mayBeThere) await clear();
    },
  };
}
