import { execFile } from 'node:child_process';
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
    execFile(program, [...args], { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : undefined) : 0;
      resolve({ code, stdout, stderr, missing: systemCode(error) === 'ENOENT' });
    });
  });
}
