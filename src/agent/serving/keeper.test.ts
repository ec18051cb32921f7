import { afterAll, expect, it } from 'vitest';
import { createTestCa } from '../../../test/support/test-ca.ts';
import { createTestService, specOf } from '../../../test/support/service.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { certificatePath } from '../../haproxy/config/certificates.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { detectLayout } from '../layout.ts';
import { createCertificateKeeper } from './keeper.ts';
import type { CertificateSource } from './source.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());
const ca = createTestCa(directory.path);
const layout = detectLayout(directory.path, 0);
const { desired } = createTestService(directory.path, '127.0.0.1');
const { id } = desired;

function keeping(source?: CertificateSource) {
  const staples = new Set<string>();
  const stapler = {
    staple: (name: string) => (staples.has(name) ? 'AAAA' : undefined),
    word: () => undefined,
    isDue: () => false,
    drop: (name: string) => staples.delete(name),
  };
  return { staples, keeper: createCertificateKeeper({ id, layout, source, stapler }) };
}

const withUpload = (pem?: string) => ({
  ...desired,
  spec: specOf({ type: 'http', tls: { certificate: 'main' } }),
  ...(pem === undefined ? {} : { certificate: { name: 'main', pem } }),
});

it('what HAProxy refuses may be what the CA says: that goes first, then the certificate, and the one before comes back', async () => {
  const { keeper, staples } = keeping();
  const [before, after] = [ca.issue({ names: ['a.test'] }), ca.issue({ names: ['a.test'] })];
  const path = certificatePath({ id, layout }, 'uploaded-main.pem');
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, before.bundle);
  staples.add('uploaded-main');
  const served = async () => (await keeper.look(withUpload(after.bundle)))[0];
  expect(await served()).toMatchObject({ staple: 'AAAA' });
  expect(await keeper.refuse(path, 'no')).toBe(true);
  expect(keeper.isTouched()).toBe(true);
  const bare = await served();
  expect(bare?.staple).toBeUndefined();
  expect(bare?.pem).toContain(after.certificate.slice(30, 90));
  expect(await keeper.refuse(path, 'no')).toBe(true);
  expect((await served())?.pem).toContain(before.certificate.slice(30, 90));
  expect(keeper.offered()[0]).toMatchObject({ fault: 'no', served: { serial: before.serial } });
  // The same again says nothing new: then it is no matter of this certificate.
  expect(await keeper.refuse(path, 'no')).toBe(false);
  expect(await keeper.refuse('/another/path.pem', 'no')).toBe(false);
  // While the control plane cannot tell it, what was served is served on.
  expect((await keeper.look(withUpload()))[0]?.pem).toContain(before.certificate.slice(30, 90));
});

it('a refusal is told to what has obtained the certificate', async () => {
  const issued = ca.issue({ names: ['*.b.test'] });
  const told: string[] = [];
  const { keeper } = keeping({
    obtained: () => [{ name: '*.b.test', domains: ['*.b.test'], bundlePath: issued.path }],
    thumbprint: () => undefined,
    state: () => [],
    renewNow: () => {},
    hear: () => {},
    refuse: async (domain, serial, why) => void told.push(`${domain} ${serial} ${why}`),
  });
  const [served] = await keeper.look(desired);
  expect(served).toMatchObject({ name: 'acme-_wildcard.b.test', hosts: ['*.b.test'] });
  await keeper.refuse(certificatePath({ id, layout }, 'acme-_wildcard.b.test.pem'), 'no');
  expect(told).toEqual([`*.b.test ${issued.serial} no`]);
  expect(await keeper.look(desired)).toEqual([]);
});
