import { afterAll, describe, expect, it } from 'vitest';
import { type IssueOptions, createTestCa } from '../../test/support/test-ca.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { bundleText, readBundle, splitBundle } from './bundle.ts';
import { revocationFault } from './revocation-list.ts';
import { X509Certificate } from 'node:crypto';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());
const ca = createTestCa(directory.path);
const good = ca.issue({ names: ['App.test', '*.w.test', '192.0.2.1'], intermediate: true });
const NOW = Date.now();

function faults(certificate: string, privateKey: string, now = NOW) {
  const read = readBundle({ certificate, privateKey }, now);
  return read.ok ? [] : read.faults.map(({ field, code }) => `${field} ${code}`);
}

describe('a chain and its key', () => {
  it('are read: names, serial, times, and the chain with its leaf first', () => {
    const [leaf = '', issuer = ''] =
      good.certificate.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];
    const shuffled = `explains itself\n${ca.pem}\r\n\r\n${issuer}\n${leaf}`;
    const read = readBundle({ certificate: shuffled, privateKey: good.privateKey }, NOW);
    if (!read.ok) throw new Error(JSON.stringify(read.faults));
    const { bundle, warnings } = read;
    expect(bundle).toMatchObject({
      names: ['app.test', '*.w.test'],
      serial: good.serial,
      subject: 'CN=App.test',
      issuer: 'CN=Test intermediate',
      key: 'EC prime256v1',
    });
    expect(Date.parse(bundle.notAfter) - Date.parse(bundle.notBefore)).toBe(31 * 86_400_000);
    expect(bundle.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(new X509Certificate(bundle.chain).serialNumber).toBe(good.serial);
    expect(bundleText(bundle)).not.toMatch(/\n\s*\n/);
    expect(warnings).toEqual([]);
    // One file of both is taken apart again, and read the same.
    expect(readBundle(splitBundle(bundleText(bundle)), NOW)).toMatchObject({ ok: true, bundle });
  });

  it('that end before the CA are taken, with a word about it', () => {
    const read = readBundle({ certificate: good.certificate, privateKey: good.privateKey }, NOW);
    expect(read).toMatchObject({ ok: true, warnings: [expect.stringContaining('CN=Test CA')] });
  });

  const rsa = (bits: number) => ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`];
  it.each<[string, Omit<IssueOptions, 'names'> & { names?: string[] }, string[]]>([
    ['an RSA key', { key: rsa(2048) }, []],
    ['a key that is too short', { key: rsa(1024) }, ['privateKey weak_key']],
    [
      'a curve that clients do not know',
      { key: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'] },
      ['privateKey weak_key'],
    ],
    ['a signature by SHA-1', { digest: 'sha1' }, ['certificate weak_signature']],
    ['an end that has come', { days: -1 }, ['certificate expired']],
    ['no names', { names: [] }, ['certificate no_names']],
    ['only an address', { names: ['192.0.2.1'] }, []],
    [
      'a use for clients alone',
      { extensions: ['extendedKeyUsage=clientAuth'] },
      ['certificate not_for_servers'],
    ],
    ['a use for servers', { extensions: ['extendedKeyUsage=serverAuth,clientAuth'] }, []],
    [
      'a flood of names',
      {
        names: Array.from(
          { length: 300 },
          (_, index) => `a-name-of-some-forty-characters-${index}.example.test`,
        ),
      },
      ['certificate too_many_names'],
    ],
  ])('with %s', (_what, options, expected) => {
    const { certificate, privateKey } = ca.issue({ names: ['a.test'], ...options });
    expect(faults(certificate, privateKey)).toEqual(expected);
  });

  it('that have ended are read where dates do not count', () => {
    const { certificate, privateKey } = ca.issue({ names: ['a.test'], days: -1 });
    expect(readBundle({ certificate, privateKey }, undefined)).toMatchObject({ ok: true });
    expect(faults(good.certificate, good.privateKey, NOW - 90 * 86_400_000)).toContain(
      'certificate not_yet_valid',
    );
  });

  it('that do not belong together, or are not what they should be, are refused', () => {
    const other = ca.issue({ names: ['a.test'] });
    const { certificate, privateKey } = good;
    const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
    const cases: [string, string, string[]][] = [
      [certificate, other.privateKey, ['privateKey key_mismatch']],
      [certificate + other.certificate, privateKey, ['certificate not_in_chain']],
      [certificate + privateKey, privateKey, ['certificate invalid_value']],
      ['', '', ['certificate invalid_value', 'privateKey invalid_value']],
      ['garbage', privateKey, ['certificate invalid_value']],
      [certificate, 'garbage', ['privateKey invalid_value']],
      [certificate, privateKey + other.privateKey, ['privateKey invalid_value']],
      [certificate, encrypted, ['privateKey encrypted_key']],
      [
        certificate,
        '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
        ['privateKey invalid_value'],
      ],
      [
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        privateKey,
        ['certificate invalid_value'],
      ],
      [certificate.repeat(6), privateKey, ['certificate too_big']],
      ['x'.repeat(200_000), privateKey, ['certificate too_big']],
      [certificate, 'x'.repeat(50_000), ['privateKey too_big']],
      ['-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n', privateKey, ['certificate invalid_value']],
    ];
    for (const [chain, key, expected] of cases) expect(faults(chain, key)).toEqual(expected);
  });

  it('tell nothing of the key in what is said of it', () => {
    const broken = good.privateKey.replace(/.{8}\n-----END/, 'AAAAAAAA\n-----END').replace('MIG', 'AIG');
    const read = readBundle({ certificate: good.certificate, privateKey: broken }, NOW);
    const secret = good.privateKey.split('\n')[1] ?? '';
    expect(JSON.stringify(read)).not.toContain(secret.slice(10, 40));
    expect(read.ok).toBe(false);
  });
});

describe('revocation lists', () => {
  const people = createTestCa(directory.path, 'People CA');
  const [first, second] = [new X509Certificate(ca.pem), new X509Certificate(people.pem)];
  const list = ca.revocationList([]);

  it('are wanted of each CA', () => {
    expect(revocationFault([first], list)).toBeUndefined();
    expect(revocationFault([first, second], list)).toContain('CN=People CA');
    expect(revocationFault([first, second], list + people.revocationList([]))).toBeUndefined();
  });

  it('that are cut short or made up are refused, whatever they hold', () => {
    const der = Buffer.from(list.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    const pem = (bytes: Buffer) =>
      `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
    for (let length = 0; length < der.length; length += 1) {
      const cut = revocationFault([first], pem(der.subarray(0, length)));
      expect([length, cut]).toEqual([length, 'its list number 1 cannot be read']);
    }
    for (let index = 0; index < 60; index += 1)
      for (const value of [0, 0x30, 0x7f, 0x80, 0x84, 0xff])
        revocationFault([first], pem(der.with(index, value) as Buffer));
  });
});
