import { isDeepStrictEqual } from 'node:util';
import type { vpcRoutes } from '../../api/contract/vpcs.ts';
import { AppError, type FieldError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import { HostName, type VpcHost } from '../../spec/vpc.ts';
import type { Tx } from '../../store/open.ts';
import type { VpcRecord } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import type { Handlers } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { etag } from '../http/preconditions.ts';
import { validationError } from '../http/read-request.ts';
import type { WriteOutcome, WriteRequest, Writer } from '../http/write.ts';
import { type ChangedVpc, changeVpc } from '../vpcs/change.ts';
import { requireVpc } from '../vpcs/rules.ts';
import { requireVpcForWrite, vpcOutcome } from './vpcs.ts';

type VpcHostHandlers = Pick<
  Handlers<typeof vpcRoutes>,
  'listVpcHosts' | 'addVpcHost' | 'getVpcHost' | 'putVpcHost' | 'removeVpcHost'
>;

export function vpcHostHandlers(context: ServerContext, write: Writer): VpcHostHandlers {
  const find = (nameOrId: string) => context.store.transaction((tx) => requireVpc(tx, nameOrId));
  return {
    async listVpcHosts(request) {
      const start = pageStart(request.query, 0);
      const { spec } = await find(request.params.vpc);
      const items = spec.hosts
        .map((host, index) => ({ host, position: index + 1 }))
        .slice(start, start + request.query.limit + 1);
      return pageAnswer(
        request,
        items,
        ({ position }) => position,
        ({ host }) => host,
      );
    },
    addVpcHost: (request) =>
      write(request, async (tx) => {
        const before = await requireVpcForWrite(tx, request, request.params.vpc);
        const known = before.spec.hosts.find(({ name }) => name === request.body.name);
        if (known && !isDeepStrictEqual(known, request.body)) throw hostTaken(before, known);
        return saveHost(context, tx, request, before, request.body);
      }),
    async getVpcHost({ params }) {
      const vpc = await find(params.vpc);
      return { status: 200, headers: { etag: etag(vpc.revision) }, body: requireHost(vpc, params.host) };
    },
    putVpcHost: (request) =>
      write(request, async (tx) => {
        const before = await requireVpcForWrite(tx, request, request.params.vpc);
        const name = pathHost(request.params.host, request.body.name);
        return saveHost(context, tx, request, before, { name, addresses: request.body.addresses });
      }),
    removeVpcHost: (request) =>
      write(request, async (tx) => {
        const before = await requireVpcForWrite(tx, request, request.params.vpc);
        const { name } = requireHost(before, request.params.host);
        const hosts = before.spec.hosts.filter((host) => host.name !== name);
        const changed = await changeVpc(context, tx, before, { ...before, spec: { ...before.spec, hosts } });
        return vpcOutcome(request, changed, { status: 204 });
      }),
  };
}

async function saveHost(
  context: ServerContext,
  tx: Tx,
  request: WriteRequest,
  before: VpcRecord,
  host: VpcHost,
): Promise<WriteOutcome> {
  const { hosts } = before.spec;
  const index = hosts.findIndex(({ name }) => name === host.name);
  const after = index < 0 ? [...hosts, host] : hosts.with(index, host);
  const position = index < 0 ? hosts.length : index;
  const changed = await located(position, () =>
    changeVpc(context, tx, before, { ...before, spec: { ...before.spec, hosts: after } }),
  );
  const headers = { location: `/v1/vpcs/${before.id}/hosts/${encodeURIComponent(host.name)}` };
  return vpcOutcome(request, changed, {
    status: index < 0 ? 201 : 200,
    ...(index < 0 ? { headers } : {}),
    body: host,
  });
}

/** Points errors about the VPC's host into the body, which is that host alone. */
async function located(position: number, change: () => Promise<ChangedVpc>): Promise<ChangedVpc> {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'validation_failed') throw error;
    const prefix = `/spec/hosts/${position}`;
    const relocate = (fault: FieldError): FieldError =>
      fault.pointer.startsWith(`${prefix}/`)
        ? { ...fault, pointer: fault.pointer.slice(prefix.length) }
        : fault;
    throw validationError(error.errors.map(relocate), error.hint);
  }
}

function requireHost({ name, spec }: VpcRecord, host: string): VpcHost {
  const found = spec.hosts.find((candidate) => candidate.name === host.toLowerCase());
  if (found) return found;
  const known = spec.hosts
    .map((candidate) => candidate.name)
    .slice(0, 20)
    .join(', ');
  throw new AppError('not_found', `VPC ${name} has no host ${shorten(host)}`, {
    hint: known ? `Its hosts are: ${known}.` : `It has none: agentmetal vpc host add ${name} NAME ADDRESS`,
  });
}

function pathHost(path: string, body: string | undefined): string {
  const parsed = HostName.safeParse(path);
  if (!parsed.success) {
    const detail = 'the name in the path must be a host name such as web-1';
    throw validationError([{ pointer: '/name', code: 'invalid_value', detail }]);
  }
  if (body === undefined || body === parsed.data) return parsed.data;
  throw validationError([
    { pointer: '/name', code: 'conflict', detail: `is not the name of the path, ${parsed.data}` },
  ]);
}

function hostTaken({ name: vpc }: VpcRecord, { name, addresses }: VpcHost): AppError {
  return new AppError('name_taken', `VPC ${vpc} has a host ${name} already, at ${addresses.join(', ')}`, {
    hint: `To give it other addresses: PUT /v1/vpcs/${vpc}/hosts/${name}`,
  });
}
