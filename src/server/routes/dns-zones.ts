import type { dnsZoneRoutes } from '../../api/contract/dns-zones.ts';
import { listDnsZones } from '../../store/dns-zones.ts';
import type { ServerContext } from '../context.ts';
import { requireDnsZone } from '../dns/rules.ts';
import {
  type ChangedZone,
  createZone,
  removeZone,
  replaceZone,
  requireUsable,
  zoneView,
} from '../dns/zones.ts';
import type { Answer, Handlers } from '../http/handler.ts';
import { pageAnswer, selectPage } from '../http/paging.ts';
import { etag, requireMatch } from '../http/preconditions.ts';
import type { WriteOutcome, WriteRequest, Writer } from '../http/write.ts';

export function dnsZoneHandlers(context: ServerContext, write: Writer): Handlers<typeof dnsZoneRoutes> {
  const { store } = context;
  return {
    async listDnsZones(request) {
      const views = await store.transaction(async (tx) => {
        const records = await selectPage(request.query, (after, limit) => listDnsZones(tx, after, limit));
        return Promise.all(records.map((record) => zoneView(tx, record)));
      });
      return pageAnswer(
        request,
        views,
        ({ name }) => name,
        (view) => view,
      );
    },
    async createDnsZone(request) {
      await requireUsable(context, request.body);
      return write(request, async (tx) => {
        const changed = await createZone(context, tx, request.body);
        const headers = { location: `/v1/dns-zones/${changed.record.id}` };
        return outcome(request, changed, { status: 201, headers, body: await zoneView(tx, changed.record) });
      });
    },
    async getDnsZone({ params }) {
      return store.transaction(async (tx) => {
        const record = await requireDnsZone(tx, params.zone);
        return { status: 200, headers: { etag: etag(record.revision) }, body: await zoneView(tx, record) };
      });
    },
    async replaceDnsZone(request) {
      await store.transaction((tx) => requireDnsZone(tx, request.params.zone));
      await requireUsable(context, request.body);
      return write(request, async (tx) => {
        const before = await requireDnsZone(tx, request.params.zone);
        requireMatch(request.headers, before.revision, before.name);
        const changed = await replaceZone(context, tx, before, request.body);
        return outcome(request, changed, { status: 200, body: await zoneView(tx, changed.record) });
      });
    },
    deleteDnsZone: (request) =>
      write(request, async (tx) => {
        const before = await requireDnsZone(tx, request.params.zone);
        requireMatch(request.headers, before.revision, before.name);
        const dryRun = await removeZone(tx, before, request.query);
        const answer = request.query.dryRun ? { status: 200, body: dryRun } : { status: 204 };
        return { answer, notify: ['dns'] };
      }),
  };
}

function outcome({ query }: WriteRequest, { record, dryRun }: ChangedZone, answer: Answer): WriteOutcome {
  if (query.dryRun) return { answer: { status: 200, body: dryRun } };
  const headers = { etag: etag(record.revision), ...answer.headers };
  return { answer: { ...answer, headers }, notify: ['dns'] };
}
