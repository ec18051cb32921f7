import { open } from 'node:fs/promises';
import { systemCode } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';

const TAIL_BYTES = 64 * 1024;
const TAIL_LINES = 5;
const MOST_WORDS = 600;
/** What moves a terminal's cursor and colours its text. */
// oxlint-disable-next-line no-control-regex -- it is control characters that are taken out
const CONTROL_SEQUENCE = /\u001b(?:\[[0-9;?]*[a-zA-Z]|\][^\u0007]*\u0007|.)/g;

/** The end of what a console has written; empty where there is none. */
export async function readConsole(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read({
        buffer: Buffer.alloc(TAIL_BYTES),
        position: Math.max(0, size - TAIL_BYTES),
      });
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** The last lines of it, to be shown. */
export function lastLines(text: string): string {
  const lines = text
    .replace(CONTROL_SEQUENCE, '')
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return printable(lines.slice(-TAIL_LINES).join(' | '), MOST_WORDS) || 'nothing';
}
