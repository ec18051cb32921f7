/** Times of a good response of a CA, milliseconds since the epoch. */
export interface StapleTimes {
  thisUpdate: number;
  nextUpdate: number;
}

/** Reads what `openssl ocsp` says of a response: when it holds, or why it is not to be used. */
export function readStapleReport(stdout: string, stderr: string): StapleTimes | { fault: string } {
  if (!/^Response verify OK$/m.test(stderr)) return { fault: lastLine(stderr) || 'no answer' };
  if (!/: good$/m.test(stdout)) return { fault: lastLine(stdout) || 'no word of the certificate' };
  const time = (name: string) =>
    Date.parse(new RegExp(`^\\s*${name} Update: (.+)$`, 'm').exec(stdout)?.[1] ?? '');
  const [thisUpdate, nextUpdate] = [time('This'), time('Next')];
  // One without an end could be held against clients for ever.
  if (Number.isNaN(thisUpdate) || Number.isNaN(nextUpdate))
    return { fault: 'the answer does not say how long it holds' };
  return { thisUpdate, nextUpdate };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim().slice(0, 200) ?? '';
}
