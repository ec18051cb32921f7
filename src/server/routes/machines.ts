import type { machineRoutes } from '../../api/contract/machines.ts';
import type { Machine } from '../../api/resources.ts';
import { AppError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import { type MachineRecord, findMachine, listMachines } from '../../store/machines.ts';
import type { ServerContext } from '../context.ts';
import type { Handlers } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { isConnected } from '../status/nodes.ts';

export function machineHandlers({ store, clock }: ServerContext): Handlers<typeof machineRoutes> {
  return {
    async listMachines(request) {
      const { query } = request;
      const machines = await store.transaction((tx) =>
        listMachines(tx, pageStart<string>(query, ''), query.limit + 1),
      );
      return pageAnswer(
        request,
        machines,
        ({ name }) => name,
        (machine) => machineView(machine, clock.now()),
      );
    },
    async getMachine({ params }) {
      const machine = await store.transaction((tx) => findMachine(tx, params.machine));
      if (machine) return { status: 200, body: machineView(machine, clock.now()) };
      throw new AppError('not_found', `there is no machine ${shorten(params.machine)}`, {
        hint: 'List them with `agentmetal machine list`.',
      });
    },
  };
}

function machineView(machine: MachineRecord, now: number): Machine {
  const { id, name, driver, lastReportAt, agentVersion, haproxyVersion, authority, createdAt } = machine;
  const state = isConnected(machine, now) ? 'online' : 'offline';
  return {
    id,
    name,
    driver,
    state,
    lastReportAt,
    agentVersion,
    haproxyVersion,
    ...(authority ? { authority } : {}),
    createdAt,
  };
}
