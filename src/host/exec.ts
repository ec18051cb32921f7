import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../base/errors.ts';

export interface ExecResult {
  /** Exit code; undefined when the program was not found, or was ended by a signal or the time limit. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  /** True when there is no such program. */
  missing: boolean;
}

/** Runs a program without a shell and waits for its end. It never throws: how it ended is the result. */
export function exec(program: string, args: readonly string[], timeoutMs = 30_000): Promise<ExecResult> {
  return new Promise((resolve) => {
    execFile(
      program,
      [...args],
      { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : undefined) : 0;
        resolve({ code, stdout, stderr, missing: systemCode(error) === 'ENOENT' });
      },
    );
  });
}

/** Debian keeps daemons where only root's PATH looks. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of a program: on the PATH, or where the system keeps its daemons; the bare name when it is nowhere. */
export function findProgram(name: string): string {
  const directories = [
    ...(process.env['PATH'] ?? '').split(':').filter((part) => part !== ''),
    ...SYSTEM_DIRECTORIES,
  ];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path)) ?? name;
}
