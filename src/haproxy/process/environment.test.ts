import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { haproxyEnvironment } from './environment.ts';

const LOADER = '/lib64/ld-linux-x86-64.so.2';
const EPYC = 'AMD EPYC 9354 32-Core Processor';

describe('the environment of HAProxy', () => {
  it('holds nothing of ours but where programs are', () => {
    process.env['AGENTMETAL_API_KEY'] = 'am_secret';
    try {
      expect(haproxyEnvironment('Intel(R) Xeon(R) Gold 6338')).toEqual({ PATH: process.env['PATH'] });
    } finally {
      delete process.env['AGENTMETAL_API_KEY'];
    }
  });

  it.skipIf(!existsSync(LOADER))('has the C library copy what is large by vector registers on AMD', () => {
    const env = haproxyEnvironment(EPYC);
    const tunables = execFileSync(LOADER, ['--list-tunables'], { env, encoding: 'utf8' });
    expect(tunables).toContain('glibc.cpu.x86_rep_movsb_threshold: 0x40000000');
  });
});
