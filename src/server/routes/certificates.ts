import type { certificateRoutes } from '../../api/contract/certificates.ts';
import type { CertificateUpload } from '../../api/certificates.ts';
import { AppError } from '../../base/errors.ts';
import { domainsOf } from '../../spec/tls.ts';
import { certificateReportsOf } from '../../store/certificates.ts';
import type { CertificateRecord } from '../../store/certificates.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { machineIdsOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { bundleSettled } from '../certificates/settled.ts';
import { agreementViews } from '../certificates/terms.ts';
import { removeUpload, requireCertificate, upload, uploadView } from '../certificates/uploads.ts';
import { waitUntil } from '../changes.ts';
import type { ServerContext } from '../context.ts';
import { type Handlers, authorOf } from '../http/handler.ts';
import type { WriteOutcome, WriteRequest, Writer } from '../http/write.ts';
import { observeOne, requireLoadBalancer } from '../load-balancers/read.ts';
import { requireNodes } from '../questions/ask-node.ts';
import { askNodes } from '../questions/each-node.ts';
import { missingOf } from '../questions/missing.ts';
import { certificateStatuses, certificateView } from '../status/certificates.ts';

export function certificateHandlers(
  context: ServerContext,
  write: Writer,
): Handlers<typeof certificateRoutes> {
  const { store, clock } = context;
  return {
    async listCertificates({ params }) {
      const body = await store.transaction(async (tx) => {
        const record = await requireLoadBalancer(tx, params.loadBalancer);
        const agreements = await agreementViews(tx, record.id);
        const items = certificateStatuses(certificateView(await observeOne(tx, record, clock.now())));
        return { items, nextCursor: null, agreements };
      });
      return { status: 200, body };
    },
    uploadCertificate: (request) => {
      const { name, ...body } = request.body;
      return write(request, (tx) => keep(context, tx, request, { name, body, mayReplace: false }));
    },
    async getCertificate({ params }) {
      const body = await store.transaction(async (tx) => {
        const record = await requireLoadBalancer(tx, params.loadBalancer);
        return uploadView(await requireCertificate(tx, record, params.certificate), record);
      });
      return { status: 200, body };
    },
    putCertificate: (request) =>
      write(request, (tx) =>
        keep(context, tx, request, {
          name: request.params.certificate,
          body: request.body,
          mayReplace: true,
        }),
      ),
    deleteCertificate: (request) =>
      write(request, async (tx) => {
        const { loadBalancer, certificate } = request.params;
        const record = await requireLoadBalancer(tx, loadBalancer);
        const before = uploadView(await requireCertificate(tx, record, certificate), record);
        await removeUpload(tx, record, certificate);
        return { answer: request.query.dryRun ? { status: 200, body: before } : { status: 204 } };
      }),
    async renewCertificates({ params, body, signal }) {
      const { domain, node } = body;
      await store.transaction(async (tx) =>
        requireDomain(await requireLoadBalancer(tx, params.loadBalancer), domain),
      );
      const nodes = await requireNodes(context, params.loadBalancer, node);
      const question = {
        kind: 'renew',
        ...(domain === undefined ? {} : { domain: domain.toLowerCase() }),
      } as const;
      const { answers, faults } = await askNodes(context, nodes, question, { signal });
      const asking = answers.map(({ node: { machine }, answer: { domains } }) => ({ machine, domains }));
      const domains = [...new Set(asking.flatMap((each) => each.domains))];
      return { status: 202, body: { domains, nodes: asking, ...missingOf(faults) } };
    },
  };
}

interface Kept {
  name: string;
  body: CertificateUpload;
  mayReplace: boolean;
}

type UploadRequest = WriteRequest & { params: { loadBalancer: string } };

async function keep(
  context: ServerContext,
  tx: Tx,
  request: UploadRequest,
  kept: Kept,
): Promise<WriteOutcome> {
  const loadBalancer = await requireLoadBalancer(tx, request.params.loadBalancer);
  const author = authorOf(request.identity);
  const { record, isNew, machineIds } = await upload(context, tx, loadBalancer, { ...kept, author });
  const body = uploadView(record, loadBalancer);
  if (request.query.dryRun) return { answer: { status: 200, body } };
  const location = `/v1/load-balancers/${loadBalancer.id}/certificates/${record.name}`;
  return {
    answer: { status: isNew ? 201 : 200, ...(isNew ? { headers: { location } } : {}), body },
    notify: machineIds.map((id) => `machine:${id}` as const),
    settle: (ms) => (machineIds.length > 0 ? settle(context, loadBalancer, record, ms) : Promise.resolve()),
  };
}

/** Waits until every machine serves the certificate, or says why not. */
async function settle(
  { store, clock, changes, closing }: ServerContext,
  { id }: LoadBalancerRecord,
  certificate: CertificateRecord,
  ms: number,
): Promise<void> {
  const isSettled = () =>
    store.transaction(async (tx) =>
      bundleSettled(certificate, await machineIdsOf(tx, id), await certificateReportsOf(tx, [id])),
    );
  await waitUntil(changes.watch(`nodes:${id}`), isSettled, { clock, ms, signal: closing });
}

function requireDomain({ name, spec }: LoadBalancerRecord, domain: string | undefined): void {
  const domains = domainsOf(spec.tls);
  if (domains.length === 0)
    throw new AppError('no_domains', `${name} has no domains to renew certificates for`, {
      hint: `Name one: agentmetal lb tls set ${name} --domain app.example.com`,
    });
  if (domain === undefined || domains.includes(domain.toLowerCase())) return;
  throw new AppError('not_found', `${name} has no domain ${domain}`, {
    hint: `Its domains are: ${domains.slice(0, 20).join(', ')}.`,
  });
}
