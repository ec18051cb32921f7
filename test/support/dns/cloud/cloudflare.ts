import { ZONE } from '../zone-server.ts';
import { type CloudAnswer, type CloudRequest, type CloudServer, startCloudServer } from './server.ts';
import { type ModelRecord, ZoneModel } from './zone-model.ts';

const ZONE_ID = '023e105f4ecef8ad9ca31a8372d0c353';
/** Fewer than are asked for, so that tests meet several pages. */
const PER_PAGE = 1;
export const CLOUDFLARE_TOKEN = 'cloudflare-token-of-this-test';

interface Post {
  name: string;
  type: string;
  ttl: number;
  content: string;
}

/** Speaks the part of Cloudflare's API v4 that we use, by its documentation. It is not Cloudflare. */
export function startCloudflare(): Promise<CloudServer> {
  const model = new ZoneModel();
  return startCloudServer((request) => answer(model, request));
}

function answer(model: ZoneModel, { method, path, query, headers, body }: CloudRequest): CloudAnswer {
  if (headers['authorization'] !== `Bearer ${CLOUDFLARE_TOKEN}`)
    return failure(403, 9109, 'Invalid access token');
  if (method === 'GET' && path === '/zones') {
    const zones = query.get('name') === ZONE ? [{ id: ZONE_ID, name: ZONE }] : [];
    return success(zones, zones.length);
  }
  if (path === `/zones/${ZONE_ID}/dns_records` && method === 'GET') {
    const name = query.get('name.exact');
    const found = name === null ? model.records : model.at(name);
    const page = Number(query.get('page') ?? 1);
    return success(found.slice((page - 1) * PER_PAGE, page * PER_PAGE).map(toApi), found.length, page);
  }
  if (path === `/zones/${ZONE_ID}/dns_records/batch` && method === 'POST')
    return batch(model, JSON.parse(body) as { deletes?: { id: string }[]; posts?: Post[] });
  return failure(404, 7003, `Could not route to ${path}`);
}

/** Deletes, then posts; when one of them cannot be, none is done. */
function batch(
  model: ZoneModel,
  { deletes = [], posts = [] }: { deletes?: { id: string }[]; posts?: Post[] },
): CloudAnswer {
  const before = model.records;
  if (!deletes.every(({ id }) => before.some((record) => record.id === id)))
    return failure(404, 81044, 'Record does not exist.');
  model.remove(new Set(deletes.map(({ id }) => id)));
  for (const { name, type, ttl, content } of posts) {
    const beside = model.at(name);
    const clash = type === 'CNAME' ? beside.length > 0 : beside.some((record) => record.type === 'CNAME');
    if (clash || beside.some((record) => record.type === type && record.data === content)) {
      model.records = before;
      return failure(400, 81058, 'An identical record already exists.');
    }
    if (ttl !== 1 && ttl < 60) {
      model.records = before;
      return failure(400, 9021, 'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.');
    }
    model.add({ name, type, ttl, data: content });
  }
  return success({ deletes: [], posts: [] });
}

function toApi({ id, name, type, ttl, data }: ModelRecord): object {
  return { id, name, type, ttl, content: data.replace(/\.$/, ''), proxied: false, proxiable: true };
}

function success(result: unknown, count = 0, page = 1): CloudAnswer {
  const total_pages = Math.ceil(count / PER_PAGE);
  const result_info = { count, page, per_page: PER_PAGE, total_count: count, total_pages };
  return { status: 200, body: { success: true, errors: [], messages: [], result, result_info } };
}

function failure(status: number, code: number, message: string): CloudAnswer {
  return { status, body: { success: false, errors: [{ code, message }], messages: [], result: null } };
}
