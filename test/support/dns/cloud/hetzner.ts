import { absoluteName, relativeName } from '../../../../src/dns/records.ts';
import { ZONE } from '../zone-server.ts';
import { type CloudAnswer, type CloudRequest, type CloudServer, startCloudServer } from './server.ts';
import { ZoneModel } from './zone-model.ts';

export const HETZNER_TOKEN = 'hetzner-token-of-this-test';

interface Body {
  name: string;
  type: string;
  ttl: number;
  records: { value: string }[];
}

/**
 * Speaks the part of the Hetzner Cloud API's DNS that we use, by its documentation. It is not Hetzner. A change is done
 * when its action is asked for the first time, as those of the real one are done later than they are answered.
 */
export function startHetzner(): Promise<CloudServer> {
  const model = new ZoneModel();
  const actions = new Map<number, () => void>();
  return startCloudServer((request) => answer(model, actions, request));
}

function answer(model: ZoneModel, actions: Map<number, () => void>, request: CloudRequest): CloudAnswer {
  const { method, path, query, headers } = request;
  if (headers['authorization'] !== `Bearer ${HETZNER_TOKEN}`)
    return failure(401, 'unauthorized', 'unable to authenticate');
  const [, first, second, third, name, type, fifth, verb] = path.split('/').map(decodeURIComponent);
  if (first === 'actions') return finish(actions, Number(second));
  if (first !== 'zones' || second !== ZONE) return failure(404, 'not_found', 'Zone not found');
  if (third === undefined) return { status: 200, body: { zone: { id: 1, name: ZONE } } };
  if (method === 'GET') return { status: 200, body: { rrsets: setsOf(model, query.get('name') ?? '') } };
  const begin = (status: number, work: () => void): CloudAnswer => {
    const id = actions.size + 1;
    actions.set(id, work);
    return { status, body: { action: { id, status: 'running', error: null } } };
  };
  const body = (request.body === '' ? {} : JSON.parse(request.body)) as Body;
  if (name === undefined) {
    const target = absoluteName(body.name, ZONE);
    if (model.at(target, body.type).length > 0 || model.at(target, 'CNAME').length > 0)
      return failure(409, 'uniqueness_error', 'the RRSet exists already');
    return begin(201, () => put(model, target, body.type, body));
  }
  const target = absoluteName(name, ZONE);
  const present = model.at(target, type);
  if (method === 'DELETE') return begin(200, () => model.remove(new Set(present.map(({ id }) => id))));
  if (fifth !== 'actions' || type === undefined) return failure(404, 'not_found', path);
  const ttl = body.ttl ?? present[0]?.ttl ?? 3600;
  const values = new Set((body.records ?? []).map(({ value }) => value));
  const others = present.filter(({ data }) => !values.has(data)).map(({ data }) => ({ value: data }));
  const wanted = {
    add_records: [...others, ...(body.records ?? [])],
    remove_records: others,
    set_records: body.records,
    change_ttl: present.map(({ data }) => ({ value: data })),
  }[verb ?? ''];
  if (!wanted) return failure(404, 'not_found', path);
  return begin(201, () => put(model, target, type, { ttl, records: wanted }));
}

function put(
  model: ZoneModel,
  name: string,
  type: string,
  { ttl, records }: Pick<Body, 'ttl' | 'records'>,
): void {
  model.remove(new Set(model.at(name, type).map(({ id }) => id)));
  for (const { value } of records) model.add({ name, type, ttl, data: value });
}

function finish(actions: Map<number, () => void>, id: number): CloudAnswer {
  actions.get(id)?.();
  return { status: 200, body: { action: { id, status: 'success', error: null } } };
}

function setsOf(model: ZoneModel, relative: string): object[] {
  const records = model.at(absoluteName(relative, ZONE));
  return [...Map.groupBy(records, ({ type }) => type)].map(([type, set]) => ({
    id: `${relative}/${type}`,
    name: relativeName(set[0]?.name ?? '', ZONE),
    type,
    ttl: set[0]?.ttl ?? null,
    records: set.map(({ data }) => ({ value: data, comment: null })),
  }));
}

function failure(status: number, code: string, message: string): CloudAnswer {
  return { status, body: { error: { code, message } } };
}
