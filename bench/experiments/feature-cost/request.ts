import { writeFile } from 'node:fs/promises';
import { cookieOf } from '../../../src/haproxy/config/sticky.ts';
import { RENDERED_ID } from '../../support/rendered.ts';

export const HOSTS = Array.from({ length: 1000 }, (_, index) => `site-${index}.bench.test`);

/**
 * Writes the requests that all contestants get, as a browser would send them: each of the hosts in turn, the cookie that
 * binds the client to a backend, and what browsers send besides.
 */
export async function writeRequests(
  file: string,
  { target, acceptsGzip, closes }: { target: string; acceptsGzip: boolean; closes: boolean },
): Promise<void> {
  const headers = {
    Cookie: `theme=dark; SERVERID=${cookieOf({ id: RENDERED_ID }, 'default', target)}`,
    Accept: 'text/html,application/json;q=0.9,*/*;q=0.8',
    'Accept-Language': 'en',
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    ...(acceptsGzip ? { 'Accept-Encoding': 'gzip, deflate, br' } : {}),
    ...(closes ? { Connection: 'close' } : {}),
  };
  const table = Object.entries(headers).map(([name, value]) => `['${name}'] = '${value}'`);
  await writeFile(
    file,
    `local requests, count = {}, 0
function init()
  for index = 0, ${HOSTS.length - 1} do
    requests[index] = wrk.format('GET', '/', { ['Host'] = 'site-' .. index .. '.bench.test', ${table.join(', ')} })
  end
end
function request()
  count = (count + 1) % ${HOSTS.length}
  return requests[count]
end
`,
  );
}
