import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from '../command.ts';

/** Every packet that passes a link, as tcpdump writes it down. */
export interface Capture {
  /** All of it up to now as text: link-layer addresses, and what packets hold. */
  text(): Promise<string>;
  stop(): Promise<void>;
}

export async function startCapture(file: string, link: string, namespace: string): Promise<Capture> {
  const inside = ['netns', 'exec', namespace, 'tcpdump'];
  const child = spawn('ip', [...inside, '-i', link, '-U', '-s', '0', '-w', file, '-Z', 'root'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // "listening on …" is said when it listens.
  await once(child.stderr, 'data');
  child.stderr.resume();
  return {
    text: async () => (await run('tcpdump', ['-r', file, '-e', '-nn', '-A'], process.env)).stdout,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The link-layer address of a network card. */
export async function macOf(namespace: string, link: string): Promise<string> {
  const { stdout } = await run('ip', ['-n', namespace, '-o', 'link', 'show', 'dev', link], process.env);
  const [, mac] = /link\/ether (\S+)/.exec(stdout) ?? [];
  if (mac === undefined) throw new Error(`${link} of ${namespace} has no address: ${stdout}`);
  return mac;
}
