import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensureNamespace, plug, removeNamespace, shortName } from '../../../src/machines/network/links.ts';
import { run } from '../command.ts';

/** A host in the network of a VPC, whose server on port 8080 answers with a text. */
export interface VpcHost {
  /** Its network namespace. */
  namespace: string;
  stop(): Promise<void>;
}

const SERVER = `
  const { createServer } = require('node:http');
  const [text, address] = process.argv.slice(1);
  createServer((request, response) => response.end(text)).listen(8080, address, () => console.log('ready'));
`;

/** @param place the bridge that is the VPC's network, as \`vpc show\` says where it is. */
export async function startVpcHost(
  place: { bridge: string; namespace: string | null },
  address: string,
  text: string,
): Promise<VpcHost> {
  const bridge = { name: place.bridge, ...(place.namespace === null ? {} : { namespace: place.namespace }) };
  const namespace = shortName('amh', place.namespace ?? place.bridge, address);
  await ensureNamespace(namespace);
  await plug(namespace, { name: 'eth0', bridge, address, routes: [], isIsolated: false });
  const own = address.split('/')[0] ?? '';
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', SERVER, text, own], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([once(child.stdout, 'data'), failed(child)]);
  return {
    namespace,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await removeNamespace(namespace);
    },
  };
}

async function failed(child: ChildProcess): Promise<never> {
  await once(child, 'exit');
  throw new Error('the server in the VPC has ended');
}

/** Asks as a host of the VPC does. */
export async function askInside(namespace: string, url: string): Promise<string> {
  const { stdout } = await run(
    'ip',
    ['netns', 'exec', namespace, 'curl', '-s', '--max-time', '5', url],
    process.env,
  );
  return stdout;
}
