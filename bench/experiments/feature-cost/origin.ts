import { writeFile } from 'node:fs/promises';
import { loopbackAddress, temporaryDirectory } from '../../../test/support/temporary.ts';
import { startPlainProxy } from '../../support/haproxy.ts';
import type { Scope } from '../../support/scope.ts';

const FIRST_PORT = 21_000;
const ITEMS = 12;

/** Two backends that answer every request with a kilobyte of JSON, as an API does. */
export async function startJsonOrigin(scope: Scope): Promise<string[]> {
  const directory = await scope.use(temporaryDirectory, (created) => created.remove());
  const items = Array.from({ length: ITEMS }, (_, id) => ({
    id,
    name: `Item number ${id}`,
    price: ((id * 7919) % 1000) / 10,
    tags: ['new', `group-${id % 3}`],
    ok: true,
  }));
  const file = `${directory.path}/body.json`;
  await writeFile(file, JSON.stringify({ items }));
  const host = loopbackAddress();
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend origin
  bind ${host}:${FIRST_PORT}-${FIRST_PORT + 1}
  http-request return status 200 content-type application/json file ${file}
`;
  await scope.use(
    () => startPlainProxy(config, { host, port: FIRST_PORT }),
    (proxy) => proxy.stop(),
  );
  return [`${host}:${FIRST_PORT}`, `${host}:${FIRST_PORT + 1}`];
}
