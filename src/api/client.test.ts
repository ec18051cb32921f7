import { describe, expect, test } from 'vitest';
import { ApiClient } from './client.ts';

const SELF_SIGNED =
  'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca';

function clientThatMeets(code: string, message: string): ApiClient {
  const fault = Object.assign(new Error(message), { code });
  return new ApiClient({ url: 'https://lb.example.com/', key: 'k', send: () => Promise.reject(fault) });
}

describe('a control plane out of reach', () => {
  test('whose certificate is not trusted is not told to be started', async () => {
    const client = clientThatMeets('DEPTH_ZERO_SELF_SIGNED_CERT', SELF_SIGNED);
    await expect(client.request({ method: 'GET', path: '/v1/vpcs' })).rejects.toMatchObject({
      code: 'unavailable',
      message:
        'the certificate of the control plane at https://lb.example.com is not trusted: self-signed certificate',
      hint: 'Trust it: --ca-file FILE or AGENTMETAL_CA_FILE',
    });
  });

  test.each([
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'CERT_HAS_EXPIRED',
  ])('for %s speaks of trust', async (code) => {
    const asked = clientThatMeets(code, 'why').request({ method: 'GET', path: '/' });
    await expect(asked).rejects.toThrow('is not trusted: why');
  });

  test('for any other reason says how to start it', async () => {
    const asked = clientThatMeets('ECONNREFUSED', 'connect ECONNREFUSED').request({
      method: 'GET',
      path: '/',
    });
    await expect(asked).rejects.toMatchObject({
      message: 'the control plane at https://lb.example.com does not answer: connect ECONNREFUSED',
      hint: expect.stringContaining('npm run up'),
    });
  });
});
