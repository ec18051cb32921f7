import type { machineRoutes } from '../../api/contract/machines.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { listMachines } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import type { Handlers } from '../http/handler.ts';
import { pageAnswer, selectPage } from '../http/paging.ts';
import type { WriteOutcome, Writer } from '../http/write.ts';
import { addMachine, patchMachine, removeMachine, retryMachine } from '../machines/change.ts';
import { requireHosted, requireMachine, requireProvisioner } from '../machines/rules.ts';
import { machineView } from '../machines/view.ts';
import { requireUpgradable, rolloutView, setRollout } from '../upgrades/control.ts';
import { settlePlacement } from '../placement/settle.ts';

const NO_DIFFERENCE = { dryRun: true, diff: [], loadBalancers: [] } as const;
/** Whoever looks after machines looks again. */
const WAKE = ['machines', 'placement', 'dns'] as const;

export function machineHandlers(context: ServerContext, write: Writer): Handlers<typeof machineRoutes> {
  const { store, clock } = context;
  return {
    async listMachines(request) {
      const views = await store.transaction(async (tx) => {
        const machines = await selectPage(request.query, (after, limit) => labelled(tx, after, limit));
        return Promise.all(machines.map((machine) => machineView(context, tx, machine)));
      });
      return pageAnswer(
        request,
        views,
        ({ name }) => name,
        (view) => view,
      );
    },
    async getMachine({ params }) {
      const body = await store.transaction(async (tx) =>
        machineView(context, tx, await requireMachine(tx, params.machine)),
      );
      return { status: 200, body };
    },
    async lookAtHostKey({ body }) {
      const hostKey = await requireProvisioner(context).hostKeyOf(body.address, body.port);
      return { status: 200, body: { hostKey } };
    },
    async getAgentRollout() {
      return { status: 200, body: await rolloutView(context) };
    },
    async setAgentRollout({ body }) {
      await setRollout(context, body.paused);
      return { status: 200, body: await rolloutView(context) };
    },
    async upgradeMachine({ params }) {
      requireProvisioner(context);
      await context.wantedAgent?.prepare();
      const body = await store.transaction(async (tx) => {
        const { machine } = await requireHosted(tx, params.machine);
        await requireUpgradable(context, tx, machine);
        return machineView(context, tx, machine);
      });
      return { status: 200, body };
    },
    addMachine: (request) =>
      write(request, async (tx) => {
        const body = await addMachine(context, tx, request.body);
        if (request.query.dryRun) return { answer: { status: 200, body: NO_DIFFERENCE } };
        const headers = { location: `/v1/machines/${body.id}` };
        return { answer: { status: 201, headers, body }, notify: WAKE };
      }),
    updateMachine: (request) =>
      write(request, async (tx): Promise<WriteOutcome> => {
        const hosted = await requireHosted(tx, request.params.machine);
        const dryRun = await patchMachine(tx, hosted, request.body);
        if (request.query.dryRun) return { answer: { status: 200, body: dryRun } };
        const machineIds = await settlePlacement(context, tx);
        const body = await machineView(context, tx, hosted.machine);
        const notify = [...WAKE, ...machineIds.map((id) => `machine:${id}` as const)];
        return { answer: { status: 200, body }, notify };
      }),
    retryMachine: (request) =>
      write(request, async (tx) => {
        const hosted = await requireHosted(tx, request.params.machine);
        const body = await retryMachine(context, tx, hosted, request.body);
        if (request.query.dryRun) return { answer: { status: 200, body: NO_DIFFERENCE } };
        return { answer: { status: 200, body }, notify: WAKE };
      }),
    removeMachine: (request) =>
      write(request, async (tx): Promise<WriteOutcome> => {
        const hosted = await requireHosted(tx, request.params.machine);
        const { force, dryRun: isDryRun } = request.query;
        const removed = await removeMachine(tx, hosted, { force, now: clock.now() });
        if (isDryRun) return { answer: { status: 200, body: removed.dryRun } };
        const placed = await settlePlacement(context, tx);
        const notify = [...WAKE, ...[...removed.machineIds, ...placed].map((id) => `machine:${id}` as const)];
        if (removed.isGone) return { answer: { status: 204 }, notify };
        const machine = await requireMachine(tx, hosted.machine.id);
        return { answer: { status: 202, body: await machineView(context, tx, machine) }, notify };
      }),
  };
}

/** Machines by name with their labels, which the control plane's own host has none of. */
async function labelled(tx: Tx, after: string, limit: number) {
  const hosts = new Map((await listMachineHosts(tx)).map((host) => [host.machineId, host]));
  const machines = await listMachines(tx, after, limit);
  return machines.map((machine) => ({ ...machine, labels: hosts.get(machine.id)?.labels ?? {} }));
}
