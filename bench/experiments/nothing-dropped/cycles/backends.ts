import type { ApiRequest } from '../../../../src/api/client.ts';
import type { z } from 'zod';
import type { Backend } from '../../../../src/spec/backend.ts';
import { type Cycle, type Look, type Step, type Surroundings, call, patch } from '../kinds.ts';
import { answered, appears, disappears } from '../looks.ts';

type BackendInput = z.input<typeof Backend>;

/** Pool whose backends come, go and change. */
export const POOL = 'changing';
export const POOL_PATH = '/changing';

/** Everything that single backends can be. */
export function backendCycles(surroundings: Surroundings): Cycle[] {
  const { web, origin, certificate } = surroundings;
  const [target = '', second = '', third = ''] = origin.plain.slice(10);
  const [secure = ''] = origin.tls;
  const [behindProxy = ''] = origin.behindProxy;
  const list = `/v1/load-balancers/${web.id}/backends`;
  const seen = (who: string) => appears(web, POOL_PATH, who);
  const gone = (...who: string[]) => disappears(web, POOL_PATH, who);
  const send = (
    kind: string,
    method: ApiRequest['method'],
    who: string,
    body?: unknown,
    look?: () => Look,
  ): Step => {
    const path = method === 'POST' ? list : `${list}/${encodeURIComponent(who)}`;
    return call(kind, web, { method, path, query: { pool: POOL }, body }, look);
  };
  const tellsProxy = answered(
    web,
    { path: POOL_PATH },
    ({ headers }) => headers.get('x-frontend') === 'behind-proxy',
  );
  const add = (kind: string, backend: BackendInput) =>
    send(kind, 'POST', backend.target, backend, seen(backend.target));
  const remove = (who: string) => send('backend removed', 'DELETE', who, undefined, gone(who));
  const set = (kind: string, who: string, body: object, look?: () => Look) =>
    send(kind, 'PATCH', who, body, look);
  return [
    [
      add('backend added', { target }),
      set('backend weight', target, { weight: 7 }),
      set('backend weight', target, { weight: 0 }, gone(target)),
      set('backend weight', target, { weight: 1 }, seen(target)),
      set('backend maxConnections', target, { maxConnections: 40 }),
      set('backend maxConnections', target, { maxConnections: 0 }),
      set('backend drain', target, { drain: true }, gone(target)),
      set('backend drain', target, { drain: false }, seen(target)),
      set('backend backup', target, { backup: true }, gone(target)),
      set('backend backup', target, { backup: false }, seen(target)),
      set('backend healthCheck', target, { healthCheck: { interval: '2s', fall: 4, rise: 3 } }),
      set('backend healthCheck', target, { healthCheck: { port: Number(target.split(':')[1]) + 1 } }),
      set('backend healthCheck', target, { healthCheck: null }),
      remove(target),
    ],
    [
      send('backends added, several', 'POST', '', [{ target: second }, { target: third }], seen(third)),
      remove(second),
      remove(third),
    ],
    [
      add('backend added, tls', { target: secure, tls: { verify: false } }),
      set('backend tls', secure, {
        tls: { verify: true, ca: certificate.pem, serverName: certificate.name },
      }),
      set('backend tls', secure, { tls: { verify: false, ca: null, serverName: 'another.test' } }),
      remove(secure),
    ],
    [
      {
        ...add('backend added, sendProxy', { target: behindProxy, sendProxy: 'v1' }),
        look: tellsProxy,
      },
      set('backend sendProxy', behindProxy, { sendProxy: 'v2' }),
      // Its answers name the load balancer, as the PROXY protocol does.
      { ...remove(behindProxy), look: gone(`${web.host}:${web.port}`) },
    ],
    namedCycle(surroundings, { add, remove }),
  ];
}

/** A backend by name, whose name comes to stand for another address. */
function namedCycle(
  { web, origin }: Surroundings,
  { add, remove }: { add(kind: string, backend: BackendInput): Step; remove(who: string): Step },
): Cycle {
  const port = Number(origin.plain[15]?.split(':')[1]);
  const target = `bench-1:${port}`;
  const hosts = '/v1/vpcs/default/hosts';
  const host = (address: string) => ({ name: 'bench-1', addresses: [address] });
  const at = (address: string) => appears(web, POOL_PATH, `${address}:${port}`);
  const added = add('backend added, by name', { target });
  return [
    call('VPC host added', web, { method: 'POST', path: hosts, body: host(origin.host) }),
    { ...added, look: at(origin.host) },
    call(
      'VPC host moved',
      web,
      { method: 'PUT', path: `${hosts}/bench-1`, body: { addresses: [origin.otherHost] } },
      at(origin.otherHost),
    ),
    {
      ...remove(target),
      look: disappears(web, POOL_PATH, [`${origin.host}:${port}`, `${origin.otherHost}:${port}`]),
    },
    call('VPC host removed', web, { method: 'DELETE', path: `${hosts}/bench-1` }),
    // Here, where no backend needs the hosts of the VPC.
    patch('vpc', web, { vpc: 'other' }),
    patch('vpc', web, { vpc: 'default' }),
  ];
}
