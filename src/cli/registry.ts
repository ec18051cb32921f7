import type { Command } from './command.ts';

type Load = () => Promise<Command>;

/**
 * Every command by the words that call it. Only the one that is called is loaded; the words stand here a second time
 * for that reason, and a test holds them against the commands.
 */
export const COMMANDS: Readonly<Record<string, Load>> = {
  up: async () => (await import('./commands/up.ts')).up,
  down: async () => (await import('./commands/down.ts')).down,
  'lb create': async () => (await import('./commands/lb/create.ts')).create,
  'lb list': async () => (await import('./commands/lb/list.ts')).list,
  'lb show': async () => (await import('./commands/lb/show.ts')).show,
  'lb update': async () => (await import('./commands/lb/update.ts')).update,
  'lb delete': async () => (await import('./commands/lb/delete.ts')).deleteLoadBalancer,
  'lb apply': async () => (await import('./commands/lb/apply.ts')).apply,
  'lb diff': async () => (await import('./commands/lb/diff.ts')).diff,
  'lb plan': async () => (await import('./commands/lb/plan.ts')).plan,
  'lb export': async () => (await import('./commands/lb/export.ts')).exportLoadBalancer,
  'lb revisions': async () => (await import('./commands/lb/revisions.ts')).revisions,
  'lb restore': async () => (await import('./commands/lb/restore.ts')).restore,
  'lb health': async () => (await import('./commands/lb/health.ts')).health,
  'lb config': async () => (await import('./commands/lb/config.ts')).config,
  'lb backend add': async () => (await import('./commands/lb/backend/add.ts')).add,
  'lb backend remove': async () => (await import('./commands/lb/backend/remove.ts')).remove,
  'lb backend list': async () => (await import('./commands/lb/backend/list.ts')).list,
  'lb backend set': async () => (await import('./commands/lb/backend/set.ts')).set,
  'lb backend drain': async () => (await import('./commands/lb/backend/drain.ts')).drain,
  'lb backend enable': async () => (await import('./commands/lb/backend/enable.ts')).enable,
  'lb health-check set': async () => (await import('./commands/lb/health-check/set.ts')).set,
  'lb health-check unset': async () => (await import('./commands/lb/health-check/unset.ts')).unset,
  'lb algorithm set': async () => (await import('./commands/lb/algorithm/set.ts')).set,
  'lb tls set': async () => (await import('./commands/lb/tls/set.ts')).set,
  'lb tls unset': async () => (await import('./commands/lb/tls/unset.ts')).unset,
  'lb tls show': async () => (await import('./commands/lb/tls/show.ts')).show,
  'vpc create': async () => (await import('./commands/vpc/create.ts')).create,
  'vpc list': async () => (await import('./commands/vpc/list.ts')).list,
  'vpc show': async () => (await import('./commands/vpc/show.ts')).show,
  'vpc update': async () => (await import('./commands/vpc/update.ts')).update,
  'vpc delete': async () => (await import('./commands/vpc/delete.ts')).deleteVpc,
  'vpc host add': async () => (await import('./commands/vpc/host/add.ts')).add,
  'vpc host remove': async () => (await import('./commands/vpc/host/remove.ts')).remove,
  'vpc host list': async () => (await import('./commands/vpc/host/list.ts')).list,
  'key create': async () => (await import('./commands/key/create.ts')).create,
  'key list': async () => (await import('./commands/key/list.ts')).list,
  'key revoke': async () => (await import('./commands/key/revoke.ts')).revoke,
  'machine list': async () => (await import('./commands/machine/list.ts')).list,
  'machine show': async () => (await import('./commands/machine/show.ts')).show,
  'context create': async () => (await import('./commands/context/create.ts')).create,
  'context list': async () => (await import('./commands/context/list.ts')).list,
  'context use': async () => (await import('./commands/context/use.ts')).use,
  'context show': async () => (await import('./commands/context/show.ts')).show,
  'context key': async () => (await import('./commands/context/key.ts')).key,
  'context delete': async () => (await import('./commands/context/delete.ts')).deleteContext,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  completion: async () => (await import('./commands/completion.ts')).completion,
  version: async () => (await import('./commands/version.ts')).version,
  server: async () => (await import('./commands/server.ts')).server,
  agent: async () => (await import('./commands/agent.ts')).agent,
  __complete: async () => (await import('./commands/complete.ts')).complete,
};

/** What the nouns are, for the lists of commands. */
export const GROUPS: Readonly<Record<string, string>> = {
  lb: 'Load balancers',
  'lb backend': 'The servers behind a load balancer',
  'lb health-check': 'How backends are checked',
  'lb algorithm': 'How a backend is chosen',
  'lb tls': 'Domains and certificates',
  vpc: 'Private networks',
  'vpc host': 'The hosts of a private network',
  key: 'API keys',
  machine: 'Machines that run load balancers',
  context: 'Control planes that this CLI knows',
};

/** All commands that users are told of. */
export async function loadAll(): Promise<Command[]> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return commands.filter((command) => !command.hidden);
}
