import { type ChildProcess, spawn } from 'node:child_process';
import { createBackoff } from '../base/backoff.ts';
import { systemClock } from '../base/clock.ts';

export interface ChildOptions {
  name: string;
  /** Arguments of `agentmetal`. No secret belongs in them: every user of the machine can read them. */
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Called when it has ended though nobody asked it to. */
  onRestart(name: string, cause: string): void;
}

/** A part of the product in a process of its own, started again whenever it ends. */
export interface Child {
  readonly pid: number | undefined;
  /** Resolves when it says that it works. From then on an end is an accident, and it is started again. */
  readonly ready: Promise<'ready'>;
  /** The exit code of the first run when that ended before it was ready. */
  readonly failed: Promise<number>;
  stop(): Promise<void>;
}

export function superviseChild({ name, args, env, onRestart }: ChildOptions): Child {
  const backoff = createBackoff({ initialMs: 50, maxMs: 5000, random: Math.random });
  const { promise: failed, resolve: fail } = Promise.withResolvers<number>();
  const { promise: ready, resolve: markReady } = Promise.withResolvers<'ready'>();
  let child: ChildProcess | undefined;
  let isReady = false;
  let isStopping = false;
  let startedAt = 0;
  const start = () => {
    startedAt = systemClock.now();
    // The channel is how a child notices that its parent was killed.
    child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...args], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.once('message', () => {
      isReady = true;
      markReady('ready');
    });
    child.once('exit', (code, signal) => {
      child = undefined;
      if (isStopping) return;
      // An end without a word is a failure, whatever its code says.
      if (!isReady) return fail(code || 1);
      if (systemClock.now() - startedAt > 10_000) backoff.reset();
      onRestart(name, signal ? `killed by ${signal}` : `exit code ${code}`);
      void systemClock.sleep(backoff.next()).then(() => {
        if (!isStopping) start();
      });
    });
  };
  start();
  return {
    get pid() {
      return child?.pid;
    },
    ready,
    failed,
    stop() {
      isStopping = true;
      const present = child;
      if (!present) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => present.kill('SIGKILL'), 10_000);
        present.once('exit', () => {
          clearTimeout(timer);
          resolve();
        });
        present.kill('SIGTERM');
      });
    },
  };
}
