import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliFailure, EXIT, interruption, usageError } from './failure.ts';
import type { CliIo } from './io.ts';
import type { CliContext } from './session.ts';

/** Asks for a name to be typed before something is lost. Without a terminal there is nobody to ask. */
export async function confirmByName(
  { io, progress }: CliContext,
  { name, what, more = '' }: { name: string; what: string; more?: string },
): Promise<void> {
  if (!io.stdin.isTTY) {
    throw usageError(
      `deleting ${what} needs a confirmation and there is no terminal to ask on`,
      'Add --yes if that is meant',
    );
  }
  progress.stop();
  io.stderr.write(`This deletes ${what}.${more}\nType ${name} to confirm: `);
  const answer = await readLine(io, { echo: true });
  if (answer.trim() !== name) {
    throw new CliFailure(
      EXIT.failed,
      'not_confirmed',
      `nothing was deleted: ${JSON.stringify(answer.trim())} is not ${name}`,
    );
  }
}

/** Asks a question that only yes answers. Without a terminal there is nobody to ask. */
export async function confirm(
  { io, progress }: CliContext,
  { question, refusal, hint }: { question: string; refusal: string; hint: string },
): Promise<void> {
  if (!io.stdin.isTTY) throw usageError('there is no terminal to ask on', hint);
  progress.stop();
  io.stderr.write(`${question} [y/N] `);
  const answer = await readLine(io, { echo: true });
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CliFailure(EXIT.failed, 'not_confirmed', refusal);
}

/** Asks for a secret on the terminal and shows nothing of it. */
export async function readSecret(io: CliIo, question: string): Promise<string> {
  io.stderr.write(question);
  const answer = await readLine(io, { echo: false });
  io.stderr.write('\n');
  return answer.trim();
}

function readLine(io: CliIo, { echo }: { echo: boolean }): Promise<string> {
  // In terminal mode readline itself does the echo, to an output that can swallow it.
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (echo) io.stderr.write(chunk.toString());
      done();
    },
  });
  const lines = createInterface({ input: io.stdin, output, terminal: !echo });
  return new Promise((resolve, reject) => {
    const stop = () => {
      lines.close();
      reject(interruption('Nothing was changed.'));
    };
    io.signal.addEventListener('abort', stop, { once: true });
    lines.once('SIGINT', stop);
    lines.once('line', (line) => {
      io.signal.removeEventListener('abort', stop);
      resolve(line);
      lines.close();
    });
    lines.once('close', () => resolve(''));
  });
}
