import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { detectLayout } from '../../src/agent/layout.ts';
import { findMaster, stopMaster } from '../../src/haproxy/process/master.ts';
import { servicePaths } from '../../src/haproxy/config/paths.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** The agent of a machine in a process of its own, as its service starts it. */
export interface RealAgent {
  dataDir: string;
  tokenFile: string;
  enrolFile: string;
  /** What it has logged. */
  output(): string;
  /** Ids of the load balancers whose HAProxy runs. */
  serving(): Promise<string[]>;
  /** Resolves with its exit code when it ends by itself. */
  ended: Promise<number | null>;
  /** Ends the agent alone; HAProxy goes on. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Ends its HAProxys as well. */
  stop(): Promise<void>;
}

export interface RealAgentOptions {
  /** Folder of the machine. */
  folder: string;
  url: string;
  certificate: string;
  /** With which it enrols; absent when it has its credential. */
  token?: string;
}

export async function startRealAgent({
  folder,
  url,
  certificate,
  token,
}: RealAgentOptions): Promise<RealAgent> {
  const dataDir = join(folder, 'agent');
  const [enrolFile, caFile] = [join(folder, 'enrol-token'), join(folder, 'control-plane.pem')];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(caFile, certificate);
  if (token !== undefined) await writeFile(enrolFile, `${token}\n`, { mode: 0o600 });
  const args = ['agent', '--url', url, '--enrol-file', enrolFile, '--ca-file', caFile, '--data-dir', dataDir];
  const env = { ...process.env, AGENTMETAL_ACME_SERVER: 'https://127.0.0.1:9/directory' };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (isRunning(child)) child.kill(signal);
    await ended;
  };
  const layout = detectLayout(dataDir);
  const masters = async () => {
    const ids = await readdir(layout.directory).catch(() => []);
    const found = await Promise.all(
      ids.map(async (id) => ({ id, pid: await findMaster(servicePaths(id, layout)) })),
    );
    return found.flatMap(({ id, pid }) => (pid === undefined ? [] : [{ id, pid }]));
  };
  return {
    dataDir,
    tokenFile: join(dataDir, 'token'),
    enrolFile,
    output: () => output,
    serving: async () => (await masters()).map(({ id }) => id),
    ended,
    end,
    async stop() {
      await end();
      for (const { id, pid } of await masters()) await stopMaster(pid, servicePaths(id, layout));
    },
  };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
