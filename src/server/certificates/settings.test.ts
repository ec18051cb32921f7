import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startControlPlane } from '../../../test/support/control-plane.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { readCertificateSettings } from './settings.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());
const file = (name: string, text: string) => {
  const path = join(directory.path, name);
  writeFileSync(path, text);
  return path;
};

it('are told to machines with what the files hold, and without what is right here alone', async () => {
  expect(await readCertificateSettings({}, undefined)).toEqual({});
  const env = {
    AGENTMETAL_ACME_SERVER: 'https://ca.example/dir',
    AGENTMETAL_ACME_CA_BUNDLE: file('ca.pem', 'PEM'),
    AGENTMETAL_ACME_EMAIL: 'ops@example.com',
    AGENTMETAL_ACME_EAB_KID: 'kid',
    AGENTMETAL_ACME_EAB_HMAC_KEY_FILE: file('key', 'secret\n'),
    AGENTMETAL_ACME_PREFLIGHT: 'off',
    AGENTMETAL_CERTBOT: '/here/certbot',
  };
  const settings = await readCertificateSettings(env, '10.0.0.53:53');
  expect(settings).toEqual({
    server: 'https://ca.example/dir',
    caBundle: 'PEM',
    email: 'ops@example.com',
    eab: { kid: 'kid', hmacKey: 'secret' },
    preflight: false,
    resolver: '10.0.0.53:53',
  });
  for (const resolver of ['127.0.0.1:53', '[::1]:53'])
    expect(await readCertificateSettings({}, resolver)).toEqual({});

  const plane = await startControlPlane({ certificateSettings: settings });
  expect((await plane.agent.desired()).certificateSettings).toEqual(settings);
  await plane.stop();
});

it.each([
  [
    { AGENTMETAL_ACME_CA_BUNDLE: '/nowhere' },
    /on the control plane, AGENTMETAL_ACME_CA_BUNDLE cannot be read/,
  ],
  [{ AGENTMETAL_ACME_EAB_KID: 'kid' }, /go together/],
  [{ AGENTMETAL_ACME_PREFLIGHT: 'maybe' }, /neither on nor off: maybe/],
])('that cannot be used are told as a fault: %o', async (env, words) => {
  const settings = await readCertificateSettings(
    { AGENTMETAL_ACME_SERVER: 'https://ca.example/', ...env },
    undefined,
  );
  expect(settings).toMatchObject({ server: 'https://ca.example/', fault: expect.stringMatching(words) });
});
