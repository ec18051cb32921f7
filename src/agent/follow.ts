import type { DesiredState } from '../api/agent.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Caller } from './contact.ts';
import type { ControlPlane } from './control-plane.ts';

/** A control plane that is not the one whose load balancers run here gives orders. */
export class ForeignControlPlane extends Error {
  override readonly name = 'ForeignControlPlane';
}

/** A spec is told as what differs from one that is not here: it must be told as a whole. */
export class UnknownSpec extends Error {
  override readonly name = 'UnknownSpec';
}

export interface FollowOptions {
  caller: Caller;
  logger: Logger;
  controlPlane: ControlPlane;
  take(state: DesiredState): Promise<void>;
  /** Resolves when nothing is being taken off any more; undefined when nothing is. */
  releasing(): Promise<void> | undefined;
  /** Called when orders come again after a while without, and when they begin to be refused. */
  onTurn(): void;
}

/** Follows what the control plane wants; without it, all goes on as it was. */
export interface Follower {
  /** Why the orders of this control plane are refused; undefined while they are not. */
  fault(): string | undefined;
  run(signal: AbortSignal): Promise<void>;
}

export function createFollower({
  caller,
  logger,
  controlPlane,
  take,
  releasing,
  onTurn,
}: FollowOptions): Follower {
  let since = 0;
  let isLost = false;
  let fault: string | undefined;

  const lose = (error: unknown) => {
    if (!isLost)
      logger.warn({ error: messageOf(error) }, 'the control plane gives no orders; serving what is known');
    isLost = true;
    // It may come back with other data: ask for everything.
    since = 0;
    const refusal = error instanceof ForeignControlPlane ? error.message : undefined;
    const isNew = refusal !== fault;
    fault = refusal;
    if (isNew) onTurn();
  };

  /** Asks anew as soon as all is taken off that was to go, because the machine is free from then on. */
  const ask = async (signal: AbortSignal): Promise<DesiredState | undefined> => {
    const rest = releasing();
    const done = new AbortController();
    rest?.then(
      () => done.abort(),
      () => done.abort(),
    );
    try {
      return await controlPlane.desired(since, rest !== undefined, AbortSignal.any([signal, done.signal]));
    } catch (error) {
      if (done.signal.aborted && !signal.aborted) return undefined;
      throw error;
    }
  };

  return {
    fault: () => fault,
    async run(signal) {
      while (!signal.aborted) {
        try {
          const state = await ask(signal);
          if (!state) continue;
          caller.answered();
          await take(state);
          since = state.version;
          fault = undefined;
          if (isLost) onTurn();
          isLost = false;
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof UnknownSpec && since !== 0) {
            since = 0;
            continue;
          }
          lose(error);
          await caller.failed(signal);
        }
      }
    },
  };
}
