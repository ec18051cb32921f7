import { defineCommand } from '../command.ts';
import type { Finding } from '../doctor/check.ts';
import { checkControlPlane } from '../doctor/control-plane.ts';
import { checkDataDir, checkDescriptors, checkLowPorts } from '../doctor/machine.ts';
import { checkCertbot, checkHaproxy, checkNode, checkOpenssl } from '../doctor/programs.ts';
import { EXIT } from '../failure.ts';
import { type Paint, type Style, printable } from '../output/style.ts';
import { DATA_DIR_OPTION, defaultDataDir } from './service-options.ts';

const MARKS = {
  ok: ['green', '✓'],
  missing: ['red', '✗'],
  advice: ['yellow', '!'],
} as const satisfies Record<Finding['state'], readonly [Paint, string]>;

export const doctor = defineCommand({
  path: ['doctor'],
  summary: 'Check this machine and the control plane, and say what mends what is missing',
  description:
    'It ends with 1 when something needed is missing (✗). What is only advised (!) does not count.',
  args: [],
  options: DATA_DIR_OPTION,
  examples: ['agentmetal doctor', 'agentmetal doctor -o json'],
  async run(ctx, { options }) {
    const { env } = ctx.io;
    const findings = await Promise.all([
      checkHaproxy(env),
      checkCertbot(env),
      checkOpenssl(env),
      checkDataDir(options.dataDir ?? defaultDataDir(env)),
      checkLowPorts(),
      checkDescriptors(),
      ctx.connection().then(checkControlPlane),
    ]);
    const all = [checkNode(process.versions.node), ...findings.flat()];
    const text = () => all.map((finding) => findingText(finding, ctx.print.style)).join('');
    await ctx.print.object({ checks: all }, { text, name: 'doctor' });
    return all.some(({ state }) => state === 'missing') ? EXIT.failed : EXIT.done;
  },
});

function findingText({ check, state, detail, remedy }: Finding, style: Style): string {
  const [paint, mark] = MARKS[state];
  const advised = remedy === undefined ? '' : `  ${''.padEnd(17)} ${remedy}\n`;
  return `${style(paint, mark)} ${check.padEnd(17)} ${printable(detail)}\n${advised}`;
}
