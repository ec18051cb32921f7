import { ApiClient } from '../../api/client.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { Connection } from '../connection.ts';
import { LOAD_BALANCERS } from '../resources.ts';
import { type Finding, advice, missing, ok } from './check.ts';

const PATIENCE_MS = 5000;

/** Whether the control plane answers, and takes the key. */
export async function checkControlPlane(connection: Connection): Promise<Finding[]> {
  const { url, key, source } = connection;
  const reached = await reach(url);
  if (reached !== undefined) {
    const check = 'control plane';
    // Nobody has said that there is one at the default place, so its absence is no fault.
    if (source === 'default')
      return [advice(check, `nothing answers at ${url} yet`, 'Start it: npm run up, or agentmetal up')];
    return [
      missing(
        check,
        `${url} does not answer: ${reached}`,
        'Start it with agentmetal up, or name another with --url',
      ),
    ];
  }
  return [ok('control plane', `${url} answers`), await checkKey({ url, key })];
}

async function checkKey({ url, key }: Pick<Connection, 'url' | 'key'>): Promise<Finding> {
  const remedy = `Save a good one: agentmetal context create NAME --url ${url}`;
  if (key === undefined) return missing('API key', `there is none for ${url}`, remedy);
  const client = new ApiClient({ url, key, signal: AbortSignal.timeout(PATIENCE_MS) });
  try {
    await client.request({ method: 'GET', path: LOAD_BALANCERS, query: { limit: 1 } });
    return ok('API key', 'it is accepted');
  } catch (error) {
    const refused = error instanceof AppError && ['unauthenticated', 'forbidden'].includes(error.code);
    return missing('API key', refused ? `it is refused: ${messageOf(error)}` : messageOf(error), remedy);
  }
}

/** @returns why there is no answer; `undefined` when there is one. */
async function reach(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.arrayBuffer();
    return response.ok ? undefined : `/healthz says ${response.status}`;
  } catch (error) {
    return messageOf(error instanceof Error && error.cause ? error.cause : error) || 'no connection';
  }
}
