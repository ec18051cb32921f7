import type { NewMachine } from '../../../api/machines.ts';
import { renderMachine } from '../../output/machine.ts';
import type { CliContext } from '../../session.ts';
import { waitUntilReady } from '../../wait/machine.ts';
import { timeoutMs } from '../../write-options.ts';
import type { WaitValues } from './options.ts';

/** Waits until a machine is ready, telling each step, and prints it; the line for its terminal comes first. */
export async function endMachineWrite(
  ctx: CliContext,
  machine: NewMachine,
  { wait, timeout, done }: WaitValues & { done: string },
): Promise<void> {
  const limit = timeoutMs({ timeout });
  const { enrolment, name } = machine;
  if (enrolment) {
    const text = () => `${enrolment.command}\n`;
    ctx.progress.step(`Type this on ${name} within ten minutes, as a user who may use sudo:`);
    await ctx.print.object(machine, { text, name });
  }
  const seen = wait === false ? machine : await waitUntilReady(ctx, { machine, timeout, timeoutMs: limit });
  ctx.progress.stop();
  if (enrolment) return wait === false ? undefined : ctx.progress.step(`Machine ${name} ${done}`);
  const text = () => renderMachine(seen, { style: ctx.print.style, now: ctx.io.now() });
  await ctx.print.object(seen, { text, name });
}
