import { cpus } from 'node:os';

/**
 * The environment that HAProxy runs in. Nothing of our own, keys above all, is for it.
 * @param cpuModel default: that of this machine.
 */
export function haproxyEnvironment(cpuModel = cpus()[0]?.model ?? ''): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', ...(isSlowAtStrings(cpuModel) ? { GLIBC_TUNABLES } : {}) };
}

/**
 * Above this size (bytes) the C library copies with `rep movsb`. AMD's processors since Zen 3 take five times as long for that as
 * with their vector registers when both sides lie at about the same place of a page, as buffers do; HAProxy copies 16 KiB
 * twice for each request that it may have to repeat. glibc mended it in 2.39 (bug 30994); Debian 12 has 2.36.
 */
const GLIBC_TUNABLES = 'glibc.cpu.x86_rep_movsb_threshold=0x40000000';

function isSlowAtStrings(cpuModel: string): boolean {
  return cpuModel.startsWith('AMD');
}
