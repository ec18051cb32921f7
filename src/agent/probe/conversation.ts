import type { Duplex } from 'node:stream';
import { type Endpoint, ProbeFault, openLink } from './link.ts';

/** What an answer is worth so far. */
export type Judgement = { is: 'match' | 'more' } | { is: 'mismatch'; why: string };

/** One step of a conversation. */
export type Step =
  | { connect: Endpoint }
  | { send: Uint8Array }
  /** Judges all that was answered since the last `send`; `isEnd` when no more will come. */
  | { judge: (received: Buffer, isEnd: boolean) => Judgement }
  /** Waits until an answer pauses, and judges nothing. */
  | { pause: true };

/** What a conversation came to. */
export interface Conversation {
  passed: boolean;
  /** Why it failed; undefined when it passed. */
  fault: string | undefined;
  sent: Buffer;
  /** The first of what was answered, over all steps. */
  received: Buffer;
}

/** More of an answer than is shown, for one that has what is expected at its end. HAProxy looks at as much. */
const MAX_RECEIVED = 16_384;
const MAX_SENT = 4096;
/** An answer that has been judged is read on for so long: what follows often says more. */
const LINGER_MS = 150;

/** Holds a conversation with a backend and writes down what was said. It never throws. */
export async function converse(steps: readonly Step[], signal: AbortSignal): Promise<Conversation> {
  const transcript: Transcript = {
    sent: Buffer.alloc(0),
    received: Buffer.alloc(0),
    answer: Buffer.alloc(0),
    isEnd: false,
    wake: () => undefined,
  };
  let link: Duplex | undefined;
  let fault: string | undefined;
  try {
    for (const step of steps) {
      if ('connect' in step) {
        link?.destroy();
        link = await openLink(step.connect, signal);
        listen(link, transcript);
      } else if (link) await take(step, link, transcript, signal);
    }
  } catch (error) {
    if (!(error instanceof ProbeFault)) throw error;
    fault = error.message;
  }
  if (link && !transcript.isEnd) await quiet(transcript, LINGER_MS, signal);
  link?.destroy();
  return { passed: fault === undefined, fault, sent: transcript.sent, received: transcript.received };
}

interface Transcript {
  sent: Buffer;
  received: Buffer;
  /** What was answered since the last `send`. */
  answer: Buffer;
  isEnd: boolean;
  wake(): void;
}

function listen(link: Duplex, transcript: Transcript): void {
  Object.assign(transcript, { isEnd: false, answer: Buffer.alloc(0) });
  link.on('data', (chunk: Buffer) => {
    transcript.received = joined(transcript.received, chunk);
    transcript.answer = joined(transcript.answer, chunk);
    if (transcript.answer.length >= MAX_RECEIVED) transcript.isEnd = true;
    transcript.wake();
  });
  for (const event of ['end', 'close', 'error']) {
    link.on(event, () => {
      transcript.isEnd = true;
      transcript.wake();
    });
  }
}

async function take(
  step: Exclude<Step, { connect: Endpoint }>,
  link: Duplex,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  if ('send' in step) {
    transcript.sent = Buffer.concat([transcript.sent, step.send]).subarray(0, MAX_SENT);
    transcript.answer = Buffer.alloc(0);
    link.write(step.send);
    return;
  }
  if ('pause' in step) {
    await news(transcript, signal);
    return quiet(transcript, LINGER_MS, signal);
  }
  for (;;) {
    const judgement = step.judge(transcript.answer, transcript.isEnd);
    if (judgement.is === 'match') return;
    if (judgement.is === 'mismatch') throw new ProbeFault(judgement.why);
    if (transcript.isEnd)
      throw new ProbeFault(
        transcript.answer.length === 0
          ? 'connection closed without an answer'
          : 'the answer is not as expected',
      );
    if (!(await news(transcript, signal)))
      throw new ProbeFault(
        transcript.answer.length === 0 ? 'no answer in time' : 'the answer was not as expected in time',
      );
  }
}

/** Waits for more of the answer or its end; false when the time is over. */
function news(transcript: Transcript, signal: AbortSignal): Promise<boolean> {
  if (transcript.isEnd) return Promise.resolve(true);
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (isNews: boolean) => {
      signal.removeEventListener('abort', onAbort);
      transcript.wake = () => undefined;
      resolve(isNews);
    };
    const onAbort = () => settle(false);
    signal.addEventListener('abort', onAbort);
    transcript.wake = () => settle(true);
  });
}

/** Waits until nothing has come for a while, the answer has ended or the time is over. */
async function quiet(transcript: Transcript, ms: number, signal: AbortSignal): Promise<void> {
  const pause = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  while (!transcript.isEnd && (await news(transcript, pause)));
}

function joined(before: Buffer, chunk: Buffer): Buffer {
  return before.length >= MAX_RECEIVED ? before : Buffer.concat([before, chunk]).subarray(0, MAX_RECEIVED);
}
