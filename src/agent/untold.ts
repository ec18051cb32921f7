import { rm } from 'node:fs/promises';
import { MAX_UNTOLD_TURNS, Untold, type UntoldTurn } from '../api/agent.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { readTextIfExists, writeFileAtomic } from '../host/files.ts';

/** How backends have turned since the control plane last took a report, over restarts of the agent. */
export interface UntoldTurns {
  /** Reads what an agent of before could not tell. */
  load(): Promise<void>;
  add(turns: readonly UntoldTurn[]): void;
  /** What there is to tell now; undefined when there is nothing. */
  offer(): Untold | undefined;
  /** What was offered last has been taken. */
  told(): void;
  /** Writes down what is not written yet. It never throws. */
  save(): Promise<void>;
}

export function createUntoldTurns(path: string, logger: Logger): UntoldTurns {
  let turns: readonly UntoldTurn[] = [];
  let dropped = 0;
  /** How many were dropped or are kept when they were last offered. */
  let offered = 0;
  let isUnsaved = false;
  let isOnDisk = false;

  const keep = (list: readonly UntoldTurn[]) => {
    const surplus = Math.max(0, list.length - MAX_UNTOLD_TURNS);
    dropped += surplus;
    turns = list.slice(surplus);
    isUnsaved = true;
  };
  const write = async () => {
    if (turns.length === 0) {
      if (isOnDisk) await rm(path, { force: true });
      isOnDisk = false;
      return;
    }
    isOnDisk = true;
    // What a power cut takes is the last second, for which no disk need be waited for.
    await writeFileAtomic(path, JSON.stringify({ turns, dropped }), { durable: false });
  };

  return {
    async load() {
      try {
        const text = await readTextIfExists(path);
        if (text === undefined) return;
        isOnDisk = true;
        const before = Untold.parse(JSON.parse(text));
        dropped += before.dropped;
        keep([...before.turns, ...turns]);
      } catch (error) {
        logger.warn({ path, error: messageOf(error) }, 'what could not be told before cannot be read');
      }
    },
    add(more) {
      if (more.length > 0) keep([...turns, ...more]);
    },
    offer() {
      offered = dropped + turns.length;
      return turns.length === 0 ? undefined : { turns: [...turns], dropped };
    },
    told() {
      if (offered === 0) return;
      turns = turns.slice(Math.max(0, offered - dropped));
      // Those that were dropped since they were offered have been told.
      dropped = Math.max(0, dropped - offered);
      offered = 0;
      isUnsaved = true;
    },
    async save() {
      if (!isUnsaved) return;
      isUnsaved = false;
      try {
        await write();
      } catch (error) {
        isUnsaved = true;
        logger.warn({ path, error: messageOf(error) }, 'what could not be told cannot be written down');
      }
    },
  };
}
