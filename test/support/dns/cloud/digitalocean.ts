import { absoluteName, relativeName } from '../../../../src/dns/records.ts';
import { ZONE } from '../zone-server.ts';
import { type CloudAnswer, type CloudRequest, type CloudServer, startCloudServer } from './server.ts';
import { type ModelRecord, ZoneModel } from './zone-model.ts';

export const DIGITALOCEAN_TOKEN = 'digitalocean-token-of-this-test';

/** Speaks the part of DigitalOcean's API v2 that we use, by its documentation. It is not DigitalOcean. */
export function startDigitalOcean(): Promise<CloudServer> {
  const model = new ZoneModel();
  return startCloudServer((request) => answer(model, request));
}

function answer(model: ZoneModel, { method, path, query, headers, body }: CloudRequest): CloudAnswer {
  if (headers['authorization'] !== `Bearer ${DIGITALOCEAN_TOKEN}`)
    return failure(401, 'unauthorized', 'Unable to authenticate you');
  const [, v2, domains, domain, records, id] = path.split('/');
  if (v2 !== 'v2' || domains !== 'domains' || domain !== ZONE)
    return failure(404, 'not_found', 'The resource you were accessing could not be found.');
  if (records === undefined) return { status: 200, body: { domain: { name: ZONE, ttl: 1800 } } };
  if (method === 'GET') {
    const found = model.at(query.get('name') ?? '').map(toApi);
    return { status: 200, body: { domain_records: found, links: {}, meta: { total: found.length } } };
  }
  if (method === 'DELETE') {
    if (!model.records.some((record) => record.id === id)) return failure(404, 'not_found', 'no such record');
    model.remove(new Set([id ?? '']));
    return { status: 204 };
  }
  return create(model, JSON.parse(body) as { name: string; type: string; ttl: number; data: string });
}

function create(
  model: ZoneModel,
  { name: relative, type, ttl, data }: { name: string; type: string; ttl: number; data: string },
): CloudAnswer {
  const name = absoluteName(relative, ZONE);
  const beside = model.at(name);
  if (type === 'CNAME' ? beside.length > 0 : beside.some((record) => record.type === 'CNAME'))
    return failure(422, 'unprocessable_entity', 'CNAME records cannot share a name with other records');
  if (ttl < 30) return failure(422, 'unprocessable_entity', 'TTL must be at least 30');
  return { status: 201, body: { domain_record: toApi(model.add({ name, type, ttl, data })) } };
}

function toApi({ id, name, type, ttl, data }: ModelRecord): object {
  return { id: Number(id), type, name: relativeName(name, ZONE), data: data.replace(/\.$/, ''), ttl };
}

function failure(status: number, id: string, message: string): CloudAnswer {
  return { status, body: { id, message } };
}
