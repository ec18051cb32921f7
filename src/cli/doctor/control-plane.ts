import { ApiClient } from '../../api/client.ts';
import { createHttpSend } from '../../api/http-send.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { type Connection, readCaFile } from '../connection.ts';
import { listLoadBalancers } from '../resources.ts';
import { type Finding, advice, missing, ok } from './check.ts';

const PATIENCE_MS = 5000;
/** More load balancers than this are only counted. */
const MAX_NAMED = 5;

/** Whether the control plane answers and takes the key, and which load balancers are not well. */
export async function checkControlPlane(connection: Connection): Promise<Finding[]> {
  const { url, key, source, caFile } = connection;
  const client = new ApiClient({
    url,
    key: key ?? '',
    signal: AbortSignal.timeout(PATIENCE_MS),
    send: createHttpSend({ certificate: await readCaFile(caFile) }),
  });
  const fault = await faultOf(client.request({ method: 'GET', path: '/healthz' }));
  if (fault) {
    const check = 'control plane';
    // Nobody has said that there is one at the default place, so its absence is no fault.
    if (source === 'default')
      return [advice(check, `nothing answers at ${url} yet`, 'Start it: npm run up, or agentmetal up')];
    const remedy = fault instanceof AppError ? fault.hint : undefined;
    const detail = messageOf(fault).replace(/^the control plane at /, '');
    return [missing(check, detail, remedy ?? 'Start it with agentmetal up, or name another with --url')];
  }
  return [ok('control plane', `${url} answers`), ...(await checkUse(client, { url, key }))];
}

async function checkUse(
  client: ApiClient,
  { url, key }: Pick<Connection, 'url' | 'key'>,
): Promise<Finding[]> {
  const remedy = `Save a good one: agentmetal context create NAME --url ${url}`;
  if (key === undefined) return [missing('API key', `there is none for ${url}`, remedy)];
  try {
    const all = await listLoadBalancers(client);
    return [ok('API key', 'it is accepted'), loadBalancerFinding(all)];
  } catch (error) {
    const refused = error instanceof AppError && ['unauthenticated', 'forbidden'].includes(error.code);
    return [missing('API key', refused ? `it is refused: ${messageOf(error)}` : messageOf(error), remedy)];
  }
}

function loadBalancerFinding(all: Awaited<ReturnType<typeof listLoadBalancers>>): Finding {
  const check = 'load balancers';
  const bad = all.filter(({ status }) => status.state !== 'active');
  if (bad.length === 0)
    return ok(check, all.length === 0 ? 'there are none yet' : `${all.length} of ${all.length} active`);
  const named = bad.slice(0, MAX_NAMED);
  const more = bad.length > named.length ? ` and ${bad.length - named.length} more` : '';
  return advice(
    check,
    `not active: ${named.map(({ name, status }) => `${name} (${status.state})`).join(', ')}${more}`,
    named.map(({ name }) => `agentmetal lb health ${name}`).join('; '),
  );
}

async function faultOf(request: Promise<unknown>): Promise<unknown> {
  try {
    await request;
    return undefined;
  } catch (error) {
    return error;
  }
}
