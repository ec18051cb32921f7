import type { CaWord } from './revocation.ts';

/** What a response of a CA says, and for how long. */
export interface OcspReport extends CaWord {
  /** When it ends, milliseconds since the epoch; undefined for one without an end. */
  nextUpdate: number | undefined;
}

/** Reads what `openssl ocsp` says of a response, or why it is not to be used. */
export function readOcspReport(stdout: string, stderr: string, now: number): OcspReport | { fault: string } {
  if (!/^Response verify OK$/m.test(stderr)) return { fault: lastLine(stderr) || 'no answer' };
  const status = /: (good|revoked)$/m.exec(stdout)?.[1];
  if (status === undefined) return { fault: lastLine(stdout) || 'no word of the certificate' };
  const field = (name: string) => new RegExp(`^\\s*${name}: (.+)$`, 'm').exec(stdout)?.[1];
  const time = (name: string) => {
    const text = field(name);
    return text === undefined ? undefined : Date.parse(text);
  };
  const [saidAt, nextUpdate, at] = [time('This Update'), time('Next Update'), time('Revocation Time')];
  if (saidAt === undefined || [saidAt, nextUpdate, at].some(Number.isNaN))
    return { fault: 'the answer does not say when it holds' };
  if (nextUpdate !== undefined && nextUpdate <= now) return { fault: 'the answer is an old one' };
  const revocation = status === 'revoked' ? { at, reason: field('Reason')?.slice(0, 64) } : undefined;
  return { saidAt, nextUpdate, revocation };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim().slice(0, 200) ?? '';
}
