import { isScriptCheck } from '../spec/health-check.ts';
import { type Server, healthCheckOf, poolOfServer, serverKey } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import type { ServerChange } from '../haproxy/plan.ts';
import {
  type Command,
  addServer,
  addToAdmission,
  deleteServer,
  runCommands,
  setAddress,
  setHealth,
  setMaxConnections,
  setReady,
  setWeight,
  startDrain,
  startMaintenance,
} from '../haproxy/runtime/commands.ts';
import type { RuntimeConnection } from '../haproxy/runtime/connection.ts';
import type { ServerStat } from '../haproxy/runtime/stat.ts';

/** Servers that were removed and finish their last requests, by key. */
export type Leaving = Map<string, Server>;

/** The commands that make the changes. */
export function changesToCommands(
  changes: readonly ServerChange[],
  model: ServiceModel,
  leaving: Leaving,
): Command[] {
  return changes.flatMap((change) => commandsFor(change, model, leaving));
}

/** Beyond so many at once they take turns. */
const MAX_FIRST_CHECKS = 50;

/**
 * Has HAProxy begin the first check of servers that are added: with the same words, and not when somebody comes to wait for
 * it. Answers the keys of those where it did; the others have theirs later.
 */
export async function beginFirstChecks(
  runtime: RuntimeConnection,
  changes: readonly ServerChange[],
  model: ServiceModel,
  leaving: Leaving,
): Promise<ReadonlySet<string>> {
  const added = changes.flatMap((change) => (change.kind === 'add' ? [change.server] : []));
  const fresh = added.filter(
    (server) =>
      server.isChecked && !leaving.has(serverKey(server)) && !isScriptCheck(healthCheckOf(server, model)),
  );
  if (fresh.length > MAX_FIRST_CHECKS) return new Set();
  const begun = await Promise.all(
    fresh.map((server) =>
      runCommands(runtime, addToAdmission(server, model)).then(
        () => [serverKey(server)],
        // The twin of another admission, which is about to go, may still be there.
        () => [],
      ),
    ),
  );
  return new Set(begun.flat());
}

/** Notes which servers leave by the changes and which come back. */
export function noteLeaving(changes: readonly ServerChange[], leaving: Leaving): void {
  for (const change of changes) {
    if (change.kind === 'remove') leaving.set(serverKey(change.server), change.server);
    if (change.kind === 'add') leaving.delete(serverKey(change.server));
  }
}

function commandsFor(change: ServerChange, model: ServiceModel, leaving: Leaving): Command[] {
  switch (change.kind) {
    case 'add': {
      const present = leaving.get(serverKey(change.server));
      return present ? takeBack(present, change.server) : addServer(change.server, model);
    }
    case 'remove':
      return [leave(change.server, model)];
    case 'change':
      return changeCommands(change.before, change.after);
  }
}

/**
 * What a server that leaves has begun is finished. While it drains, a stick table would go on sending it the clients
 * that are bound to it, so that it might never be without any; in maintenance it gets none of them.
 */
function leave(server: Server, model: ServiceModel): Command {
  const isBinding = poolOfServer(server, model).sticky?.mode === 'source-ip';
  return isBinding ? startMaintenance(server) : startDrain(server);
}

/**
 * A server that comes back before its last connections have ended is still there, drained. It starts anew all the same:
 * down, until its first check has passed.
 */
function takeBack(present: Server, wanted: Server): Command[] {
  if (present.backup !== wanted.backup || present.id !== wanted.id || present.keywords !== wanted.keywords)
    throw new Error(`${wanted.target} comes back as another kind of server while it drains`);
  return [
    // Ready makes a server UP, so it must carry no weight until its health has been taken away.
    setWeight({ ...wanted, weight: 0 }),
    ...(present.address === wanted.address ? [] : setAddress(wanted)),
    ...(present.maxConnections === wanted.maxConnections ? [] : [setMaxConnections(wanted)]),
    setReady(wanted),
    ...(wanted.isChecked ? [setHealth(wanted, 'down')] : []),
    setWeight(wanted),
  ];
}

/** Another address is taken up once the first check there has answered; by one without checks at once. */
function changeCommands(before: Server, after: Server): Command[] {
  return [
    ...(after.isChecked || before.address === after.address ? [] : setAddress(after)),
    // Ready takes back what somebody did by hand; to a server that is in service it does nothing.
    ...(before.weight === after.weight ? [] : [setReady(after), setWeight(after)]),
    ...(before.maxConnections === after.maxConnections ? [] : [setMaxConnections(after)]),
  ];
}

/** Those of the leaving servers that have no sessions left, or have gone already. */
export function idleLeaving(leaving: Leaving, stats: ReadonlyMap<string, ServerStat>): IdleLeaving[] {
  return [...leaving].flatMap(([key, server]) => {
    const stat = stats.get(key);
    return stat && stat.sessions > 0 ? [] : [{ key, server, isThere: stat !== undefined }];
  });
}

/** A server that has left, as it was at a look. */
export interface IdleLeaving {
  key: string;
  server: Server;
  /** Whether HAProxy still had it. */
  isThere: boolean;
}

/**
 * Deletes servers that have left; those with idle connections follow after the next look. Not to be done beside a change,
 * which may take one of them back.
 */
export async function sweepLeaving(
  runtime: RuntimeConnection,
  leaving: Leaving,
  idle: readonly IdleLeaving[],
): Promise<void> {
  for (const { key, server, isThere } of idle) {
    // It may have come back, and have been removed again, since the look.
    if (leaving.get(key) !== server) continue;
    try {
      if (isThere) await runCommands(runtime, deleteServer(server));
      leaving.delete(key);
    } catch {
      // HAProxy still holds a connection to it; it is in maintenance and is tried again.
    }
  }
}
