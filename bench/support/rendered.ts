import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { certificateFiles, writeCertificates } from '../../src/agent/serving/disk.ts';
import { contentFiles } from '../../src/haproxy/config/files.ts';
import { lookupsOf, writeLookup } from '../../src/haproxy/config/lookups.ts';
import { servicePaths } from '../../src/haproxy/config/paths.ts';
import { renderConfig } from '../../src/haproxy/config/render.ts';
import { allServers, healthCheckOf } from '../../src/haproxy/config/server.ts';
import type { ServiceModel } from '../../src/haproxy/model.ts';
import { renderServerState } from '../../src/haproxy/runtime/server-state.ts';
import { validateLoadBalancer } from '../../src/spec/validate.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { type Program, startProgram } from './program.ts';

/** A HAProxy with the configuration that the product renders, without the product: a variation of it may be tried. */
export interface RenderedProxy extends Program {
  url: string;
  model: ServiceModel;
  socketPath: string;
}

/** The same for all, so that the cookies that bind a client to a backend are the same too. */
export const RENDERED_ID = 'lb_01m833pgxtewv9hb4s1e6n3b2k';

export async function startRendered(
  spec: object,
  vary: (config: string) => string = (config) => config,
): Promise<RenderedProxy> {
  const directory = await temporaryDirectory();
  const model = modelOf(spec, directory.path);
  const paths = servicePaths(model.id, model.layout);
  try {
    await writeFiles(model, vary(renderConfig(model)));
    const listensOn = { host: model.address, port: model.spec.port };
    const args = ['-W', '-f', paths.config, '-S', paths.masterSocket];
    const program = await startProgram({ command: 'haproxy', args, listensOn });
    return {
      ...program,
      model,
      url: `http://${listensOn.host}:${listensOn.port}/`,
      socketPath: paths.workerSocket,
      async stop() {
        await program.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

function modelOf(spec: object, directory: string): ServiceModel {
  const validated = validateLoadBalancer({ name: 'bench', spec });
  if (!validated.ok) throw new Error(`not a spec: ${JSON.stringify(validated.errors)}`);
  return {
    id: RENDERED_ID,
    name: 'bench',
    spec: validated.value.spec,
    address: loopbackAddress(),
    layout: {
      directory: join(directory, 'load-balancers'),
      socketDirectory: join(directory, 'run'),
      lowPortOffset: 0,
      ipv6: false,
    },
    addresses: new Map(),
    certificates: [],
  };
}

async function writeFiles(model: ServiceModel, config: string): Promise<void> {
  const paths = servicePaths(model.id, model.layout);
  const files = [
    { path: paths.config, content: config },
    {
      path: paths.serverState,
      content: await renderServerState(
        allServers(model),
        (server) => healthCheckOf(server, model),
        () => 'up',
      ),
    },
    ...lookupsOf(model).map((lookup) => ({ path: lookup.path, content: writeLookup(lookup) })),
    ...contentFiles(model),
  ];
  await mkdir(model.layout.socketDirectory, { recursive: true });
  for (const { path, content } of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  await writeCertificates(model, await certificateFiles(model));
}
