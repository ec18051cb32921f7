import { describe, expect, it } from 'vitest';
import { servedSerial } from '../../../test/support/handshake.ts';
import { createScene } from '../../../test/support/scene.ts';
import { createTestCa } from '../../../test/support/test-ca.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { detectLayout } from '../../agent/layout.ts';
import { servicePaths } from '../config/paths.ts';
import {
  CertificateRefused,
  addCertificate,
  addLine,
  deleteCertificate,
  deleteLine,
  readCertificates,
  replaceCertificate,
} from './certificates.ts';
import { UnexpectedAnswer } from './commands.ts';
import { openRuntime } from './connection.ts';

const scene = await createScene();
const ca = createTestCa(scene.directory);

/** A HAProxy with the placeholder and a connection to it; without its agent, which would mend what it has not done. */
async function running({ hasAgent = false } = {}) {
  const balancer = scene.balancer();
  await balancer.start({ type: 'http', port: 8080 });
  if (!hasAgent) await balancer.test.service.detach();
  const paths = servicePaths(balancer.test.desired.id, detectLayout(`${scene.directory}/agent`, 0));
  const runtime = await openRuntime(paths.workerSocket);
  scene.after(() => runtime.close());
  return {
    balancer,
    runtime,
    list: paths.certificateList,
    at: (name: string) => `${paths.certificates}/${name}`,
  };
}

describe('certificates at run time', () => {
  it('are added, read, replaced and deleted', async () => {
    const { balancer, runtime, list, at } = await running();
    const [first, second] = [ca.issue({ names: ['a.test'] }), ca.issue({ names: ['a.test'] })];
    await addCertificate(runtime, at('a.pem'), { pem: first.bundle });
    await addLine(runtime, list, 'a.pem a.test *.b.test\n');
    const seen = (await readCertificates(runtime, list)).get(at('a.pem'));
    expect(seen).toMatchObject({ lines: [{ hosts: ['a.test', '*.b.test'] }] });
    expect(await servedSerial(balancer.address, 'x.b.test')).toBe(first.serial);
    await replaceCertificate(runtime, at('a.pem'), { pem: second.bundle });
    expect(await servedSerial(balancer.address, 'a.test')).toBe(second.serial);
    expect((await readCertificates(runtime, list)).get(at('a.pem'))?.fingerprint).not.toBe(seen?.fingerprint);
    for (const { number } of seen?.lines ?? []) await deleteLine(runtime, list, at('a.pem'), number);
    await deleteCertificate(runtime, at('a.pem'));
    expect([...(await readCertificates(runtime, list)).keys()]).toEqual([at('default.pem')]);
  });

  it('that HAProxy refuses leave what is served, and no transaction open', async () => {
    const { balancer, runtime, list, at } = await running();
    const [good, other] = [ca.issue({ names: ['a.test'] }), ca.issue({ names: ['a.test'] })];
    await addCertificate(runtime, at('a.pem'), { pem: good.bundle });
    await addLine(runtime, list, 'a.pem a.test\n');
    const bad = {
      'another key': other.certificate + good.privateKey,
      'no key': good.certificate,
      garbage: 'garbage\n',
    };
    for (const [what, pem] of Object.entries(bad)) {
      await expect(replaceCertificate(runtime, at('a.pem'), { pem: pem }), what).rejects.toThrow(
        CertificateRefused,
      );
      await expect(addCertificate(runtime, at('b.pem'), { pem: pem }), what).rejects.toThrow(
        CertificateRefused,
      );
      expect(await servedSerial(balancer.address, 'a.test')).toBe(good.serial);
    }
    await replaceCertificate(runtime, at('a.pem'), { pem: other.bundle });
    expect(await servedSerial(balancer.address, 'a.test')).toBe(other.serial);
    await addCertificate(runtime, at('b.pem'), { pem: good.bundle });
  });

  it('that are too long are not sent, and neither are commands in the place of lines', async () => {
    const { runtime, at } = await running();
    const long = ca.issue({ names: ['a.test'] }).bundle.repeat(20);
    await expect(replaceCertificate(runtime, at('default.pem'), { pem: long })).rejects.toThrow(
      UnexpectedAnswer,
    );
    for (const payload of ['a\n\nshutdown sessions\n', 'a\n \nb\n', '\n', 'a', ''])
      await expect(runtime.send('set ssl cert x', payload)).rejects.toThrow('lines, none of them empty');
  });

  it('come by a reload when somebody has left a transaction open', async () => {
    const { balancer, runtime, at } = await running({ hasAgent: true });
    const issued = ca.issue({ names: ['a.test'] });
    // As an agent leaves it that is killed in the middle.
    expect(await runtime.send(`set ssl cert ${at('default.pem')}`, issued.bundle)).toMatch(
      /^Transaction created/,
    );
    const { test } = balancer;
    test.desired = { ...test.desired, certificate: { name: 'main', pem: issued.bundle } };
    const receipt = await test.set({ type: 'http', port: 8080, tls: { certificate: 'main' } });
    expect(receipt).toMatchObject({ outcome: 'applied' });
    await waitFor(
      'it to be served',
      async () => (await servedSerial(balancer.address, 'a.test')) === issued.serial,
    );
  });
});
