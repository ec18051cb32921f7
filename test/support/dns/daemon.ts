import { type ChildProcess, spawn } from 'node:child_process';

/** A program of a test: its output is kept for when it does not start, and it ends with the test. */
export interface Daemon {
  output(): string;
  stop(): Promise<void>;
}

export function startDaemon(program: string, args: readonly string[]): Daemon {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      chunks.push(Buffer.from(error.message));
      resolve();
    });
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    output: () => Buffer.concat(chunks).toString('utf8'),
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
