import { styleText } from 'node:util';
import type { Environment, TextOutput } from '../io.ts';

export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Style = (paint: Paint, text: string) => string;

/** Colours text when it goes to a terminal and nobody has asked for plain text (https://no-color.org). */
export function createStyle(stream: TextOutput, env: Environment, wanted: boolean): Style {
  const enabled = wanted && stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return (paint, text) => (enabled ? styleText(paint, text, { validateStream: false }) : text);
}

/** Text from elsewhere made safe for a terminal: a backend's answer must not move the cursor. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    escaped,
  );
}

function escaped(character: string): string {
  if (character === '\n') return ' ';
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
