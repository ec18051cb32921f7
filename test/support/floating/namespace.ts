import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { run } from '../command.ts';

/** A network of its own, as a machine has one. It goes with the process that made it, whatever becomes of that. */
export interface Namespace {
  pid: number;
  /** Runs a program in it and expects it to succeed. */
  run(...command: string[]): Promise<string>;
  spawn(command: readonly string[], stdio: StdioOptions, env?: NodeJS.ProcessEnv): ChildProcess;
  end(): Promise<void>;
}

export async function createNamespace(): Promise<Namespace> {
  // It ends when its standard input does, which this process holds.
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo made && read -r _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  const pid = holder.pid ?? 0;
  const enter = [`--net=/proc/${pid}/ns/net`, '--'];
  return {
    pid,
    async run(...command) {
      const { code, stdout, stderr } = await run('nsenter', [...enter, ...command], process.env);
      if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr.trim()}`);
      return stdout;
    },
    spawn: (command, stdio, env = process.env) => spawn('nsenter', [...enter, ...command], { stdio, env }),
    async end() {
      const ended = once(holder, 'exit');
      holder.stdin.end();
      await ended;
    },
  };
}

/** Whether a process belongs to that network. */
export function isIn(namespace: Namespace, pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync(`/proc/${namespace.pid}/ns/net`);
  } catch {
    // It has ended, and so belongs nowhere.
    return false;
  }
}
