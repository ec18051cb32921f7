import type { TextOutput } from '../io.ts';
import { type Style, printable } from './style.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const CLEAR_LINE = '\r\u001b[2K';

/** Tells on stderr what happens while a command runs. */
export interface Progress {
  readonly style: Style;
  /** A thing that is done or seen. */
  step(text: string): void;
  /** Advice after the work: the next command to type. */
  note(text: string): void;
  /** What is done but has a catch. It is told to those too who want no progress. */
  warn(text: string): void;
  /** What is being waited for; a spinner on a terminal, nothing elsewhere. */
  waiting(text: string): void;
  /** Ends the spinner. */
  stop(): void;
}

export function createProgress({
  stderr,
  style,
  quiet,
}: {
  stderr: TextOutput;
  style: Style;
  quiet: boolean;
}): Progress {
  const spinner = createSpinner(stderr, style, stderr.isTTY === true && !quiet);
  const line = (text: string) => {
    if (quiet) return;
    spinner.clear();
    stderr.write(`${printable(text)}\n`);
  };
  return {
    style,
    step: line,
    note: line,
    warn(text) {
      spinner.clear();
      stderr.write(`${style('yellow', 'Warning:')} ${printable(text)}\n`);
    },
    waiting: spinner.show,
    stop: spinner.stop,
  };
}

function createSpinner(stderr: TextOutput, style: Style, enabled: boolean) {
  let timer: NodeJS.Timeout | undefined;
  let text = '';
  let frame = 0;
  const clear = () => {
    if (timer) stderr.write(CLEAR_LINE);
  };
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    stderr.write(
      `${CLEAR_LINE}${style('cyan', FRAMES[frame] ?? '')} ${printable(text).slice(0, (stderr.columns ?? 80) - 3)}`,
    );
  };
  return {
    clear,
    show(message: string) {
      text = message;
      if (!enabled || timer) return;
      timer = setInterval(draw, FRAME_MS);
      timer.unref();
    },
    stop() {
      clear();
      clearInterval(timer);
      timer = undefined;
    },
  };
}
