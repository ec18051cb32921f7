import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readAcmeSettings } from '../agent/certificates/settings.ts';
import { REASONS, type ReasonCode, explain } from './reason.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/certificates.md'), 'utf8');

it('the page has every reason, and no other', () => {
  const rows =
    PAGE.split('## Reasons')[1]
      ?.split('## ')[0]
      ?.match(/^\| `.*$/gm) ?? [];
  const codes = rows.flatMap((row) => row.split('|')[1]?.match(/[a-z][a-z0-9_]+/g) ?? []);
  expect(codes.sort()).toEqual(Object.keys(REASONS).sort());
});

it('every reason says what happened and what to do, of the name that it is about', () => {
  const subject = { domain: 'app.example.com', addresses: ['203.0.113.5'] };
  for (const code of Object.keys(REASONS) as ReasonCode[]) {
    const { reason, whatToDo } = explain({ code, detail: 'this' }, subject);
    expect(reason).toMatch(/^[a-zA-Z][^.]*.*: this$/);
    expect(whatToDo).toMatch(/\.$|agentmetal|apt-get/);
  }
});

it('the page has every setting, and the settings are as it says', () => {
  const names = [...PAGE.matchAll(/`(AGENTMETAL_[A-Z_]+)`/g)].map(([, name = '']) => name);
  expect(new Set(names).size).toBe(8);
  expect(readAcmeSettings({})).toMatchObject({
    server: 'https://acme-v02.api.letsencrypt.org/directory',
    preflight: true,
    fault: undefined,
  });
  const faults: [Record<string, string>, RegExp][] = [
    [{ AGENTMETAL_ACME_SERVER: 'http://ca.example/dir' }, /AGENTMETAL_ACME_SERVER is not an https/],
    [{ AGENTMETAL_ACME_CA_BUNDLE: '/nowhere' }, /there is no file \/nowhere/],
    [{ AGENTMETAL_ACME_EMAIL: '--flag' }, /not a mail address/],
    [{ AGENTMETAL_ACME_EAB_KID: 'k' }, /go together/],
    [{ AGENTMETAL_ACME_EAB_KID: 'k\nx=y', AGENTMETAL_ACME_EAB_HMAC_KEY_FILE: '/dev/null' }, /holds blanks/],
    [{ AGENTMETAL_ACME_EAB_KID: 'k', AGENTMETAL_ACME_EAB_HMAC_KEY_FILE: '/nowhere' }, /there is no file/],
    [{ AGENTMETAL_RESOLVER: 'dns.example' }, /AGENTMETAL_RESOLVER is not an address/],
    [{ AGENTMETAL_ACME_PREFLIGHT: 'never' }, /neither on nor off/],
  ];
  for (const [env, words] of faults) expect(readAcmeSettings(env).fault).toMatch(words);
});
