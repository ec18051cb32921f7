import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { run } from '../../../../test/support/command.ts';
import { generateKeyPair } from '../../ssh/keys.ts';
import { IDENTITY_SCRIPT, identityFiles } from './identity.ts';
import { templateFiles } from './template-data.ts';

interface CloudConfig {
  write_files: { path: string; content: string; permissions: string }[];
  runcmd: string[][];
}

test('what cloud-init is told is cloud-config, and its scripts are shell', async () => {
  const files = templateFiles('template-1');
  const userData = files.get('user-data') ?? '';
  expect(userData.split('\n')[0]).toBe('#cloud-config');
  const { write_files: written, runcmd } = parse(userData) as CloudConfig;
  const scripts = written.filter(({ permissions }) => permissions === '0755');
  expect(scripts.map(({ path }) => path)).toEqual([
    '/usr/local/lib/agentmetal/identity',
    '/usr/local/lib/agentmetal/template-ready',
    '/usr/local/lib/agentmetal/clock',
  ]);
  for (const { content } of scripts) {
    expect(content.startsWith('#!/bin/sh\n')).toBe(true);
    expect(await run('sh', ['-n'], process.env, content)).toMatchObject({ code: 0, stderr: '' });
  }
  // Off before it is done, the rest of it would not run.
  expect(runcmd.flat()).toContain('/etc/cloud/cloud-init.disabled');
  expect(written.map(({ path }) => path)).not.toContain('/etc/cloud/cloud-init.disabled');
  expect(parse(files.get('meta-data') ?? '')).toMatchObject({ 'instance-id': 'template-1' });
});

test('the script reads the files that there are, and none else', () => {
  const hostKey = generateKeyPair('test');
  const files = identityFiles({
    id: 'a'.repeat(32),
    name: 'web-1',
    machineId: 'b'.repeat(32),
    hostKey,
    authorizedKey: hostKey.public,
    nics: [{ name: 'eth0', mac: '52:00:00:00:00:01', address: '10.0.0.2/24', routes: [] }],
    nameServers: ['10.0.0.53'],
    hosts: '127.0.0.1 localhost\n',
    random: Buffer.alloc(64, 1),
  });
  const read = [...IDENTITY_SCRIPT.matchAll(/\$told"?\/([\w.-]+)/g)].map(([, name]) => name);
  const given = [...files.keys()].map((name) => name.split('/')[0]);
  expect(new Set(read)).toEqual(new Set(given));
  expect(files.get('resolv.conf')).toBe('nameserver 10.0.0.53\n');
});
