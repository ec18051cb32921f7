import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { handshake } from '../../../test/support/handshake.ts';
import { sslScan, testSsl, weaknesses } from '../../../test/support/scanners.ts';
import { type Scene, createScene } from '../../../test/support/scene.ts';
import { loopbackAddress } from '../../../test/support/temporary.ts';
import { createTestCa } from '../../../test/support/test-ca.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { findProgram } from '../../host/exec.ts';

/** Whoever looks is not of ours, and judges by what other people call weak. */
const scene = await createScene();
const other = await createScene();
const ca = createTestCa(scene.directory);
const TLS13 = [
  'TLSv1.3 TLS_AES_128_GCM_SHA256 acceptable',
  'TLSv1.3 TLS_AES_256_GCM_SHA384 acceptable',
  'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 acceptable',
];
/** Those of the intermediate profile of Mozilla, for keys of each kind. */
const tls12 = (kind: string) => [
  `TLSv1.2 ECDHE-${kind}-AES128-GCM-SHA256 strong`,
  `TLSv1.2 ECDHE-${kind}-AES256-GCM-SHA384 strong`,
  `TLSv1.2 ECDHE-${kind}-CHACHA20-POLY1305 strong`,
];

/** Serves with a certificate, and answers requests. */
async function serve(
  tls: object,
  { at = scene, key }: { at?: Scene; key?: readonly string[] } = {},
): Promise<{ address: string; name: string }> {
  const balancer = at.balancer();
  const { target } = await at.backend('web');
  const issued = ca.issue({ names: ['app.test'], ...(key ? { key } : {}) });
  balancer.test.desired = { ...balancer.test.desired, certificate: { name: 'main', pem: issued.bundle } };
  await balancer.start({
    type: 'http',
    port: 8080,
    backends: [{ target }],
    tls: { domain: 'app.test', certificate: 'main', hsts: true, ...tls },
  });
  return { address: balancer.address, name: 'app.test' };
}

/** HAProxy with a profile that nobody should have. */
async function serveWeakly(): Promise<{ address: string; name: string }> {
  const address = loopbackAddress();
  const { path } = ca.issue({ names: ['app.test'], key: ['-algorithm', 'RSA'] });
  const config = join(scene.directory, 'weak.cfg');
  await writeFile(
    config,
    `global
  ssl-default-bind-options ssl-min-ver TLSv1.0
  ssl-default-bind-ciphers ALL:@SECLEVEL=0
defaults
  mode http
  timeout connect 3s
  timeout client 30s
  timeout server 30s
frontend https
  bind ${address}:443 ssl crt ${path}
  http-request return status 200
`,
  );
  const haproxy = spawn(findProgram('haproxy'), ['-db', '-f', config], { stdio: 'ignore' });
  scene.after(() => void haproxy.kill('SIGKILL'));
  await waitFor('HAProxy', () => handshake(address));
  return { address, name: 'app.test' };
}

describe('what sslscan finds', () => {
  it('is TLS 1.2 and 1.3 with strong ciphers alone, for either kind of key', async () => {
    const ecdsa = await sslScan(await serve({}));
    expect(ecdsa.protocols).toEqual(['TLSv1.2', 'TLSv1.3']);
    expect(ecdsa.ciphers.toSorted()).toEqual([...tls12('ECDSA'), ...TLS13]);
    expect(ecdsa.groups).toEqual(['secp256r1 (NIST P-256)', 'secp384r1 (NIST P-384)', 'x25519']);
    expect(ecdsa.isRenegotiated).toBe(false);
    const rsa = await sslScan(await serve({}, { at: other, key: ['-algorithm', 'RSA'] }));
    expect(rsa.ciphers.toSorted()).toEqual([...tls12('RSA'), ...TLS13]);
  });

  it('is TLS 1.3 alone where that is wanted', async () => {
    const { protocols, ciphers } = await sslScan(await serve({ minVersion: '1.3' }));
    expect(protocols).toEqual(['TLSv1.3']);
    expect(ciphers.toSorted()).toEqual(TLS13);
  });

  it('is more where the profile is weak', async () => {
    const { protocols, ciphers } = await sslScan(await serveWeakly());
    expect(protocols).toEqual(['TLSv1.0', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);
    expect(ciphers).toContain('TLSv1.0 AES128-SHA acceptable');
  });
});

it('testssl.sh finds no weakness in protocols, ciphers, forward secrecy and headers', async () => {
  const [usual, newest] = await Promise.all([
    testSsl(await serve({}), ['-p', '-s', '-f', '-h']),
    testSsl(await serve({ minVersion: '1.3' }, { at: other }), ['-p']),
  ]);
  // Headers by which an application guards its own pages are the application's.
  expect(weaknesses(usual.filter(({ id }) => id !== 'security_headers'))).toEqual([]);
  expect(Object.fromEntries(usual.map(({ id, severity }) => [id, severity]))).toMatchObject({
    SSLv2: 'OK',
    SSLv3: 'OK',
    TLS1_2: 'OK',
    TLS1_3: 'OK',
    cipherlist_NULL: 'OK',
    cipherlist_aNULL: 'OK',
    cipherlist_EXPORT: 'OK',
    cipherlist_LOW: 'OK',
    cipherlist_STRONG: 'OK',
    PFS: 'OK',
    HSTS_time: 'OK',
  });
  const findings = (judgements: typeof usual) =>
    Object.fromEntries(judgements.map(({ id, finding }) => [id, finding]));
  expect(findings(usual)).toMatchObject({
    TLS1: 'not offered',
    TLS1_1: 'not offered',
    cipherlist_3DES_IDEA: 'not offered',
    cipherlist_AVERAGE: 'not offered',
  });
  expect(weaknesses(newest)).toEqual([]);
  expect(findings(newest)).toMatchObject({
    TLS1_1: 'not offered',
    TLS1_2: 'not offered',
    TLS1_3: expect.stringMatching(/^offered/),
  });
}, 240_000);
