import { describe, expect, it } from 'vitest';
import { CA_CERTIFICATE } from '../../test/support/ca.ts';
import { coversHost } from './tls.ts';
import { validateLoadBalancer } from './validate.ts';

function validate(tls: unknown, type: 'http' | 'tcp' = 'http') {
  return validateLoadBalancer({ name: 'lb', spec: { type, ...(type === 'tcp' ? { port: 443 } : {}), tls } });
}

const completed = (tls: unknown, type?: 'http' | 'tcp') => {
  const result = validate(tls, type);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value.spec.tls;
};

const DEFAULTS = { mode: 'terminate', autoRenew: true, redirect: true, minVersion: '1.2' };

describe('tls', () => {
  it.each<[object, 'http' | 'tcp', object]>([
    [{}, 'http', { challenge: 'http' }],
    [{}, 'tcp', { challenge: 'dns' }],
    [{ domain: 'A.Example.com' }, 'http', { domain: 'a.example.com', challenge: 'http' }],
    [{ domain: '*.example.com' }, 'http', { domain: '*.example.com', challenge: 'dns' }],
    [{ domain: 'a.test', challenge: 'dns' }, 'http', { domain: 'a.test', challenge: 'dns' }],
    [
      { hsts: true },
      'http',
      { challenge: 'http', hsts: { maxAge: '730d', includeSubDomains: false, preload: false } },
    ],
    [{ hsts: false }, 'http', { challenge: 'http' }],
    [
      { hsts: { maxAge: '0s' } },
      'http',
      { challenge: 'http', hsts: { maxAge: '0s', includeSubDomains: false, preload: false } },
    ],
    [
      { clientCa: CA_CERTIFICATE },
      'tcp',
      { challenge: 'dns', clientCa: { certificates: CA_CERTIFICATE, verify: 'required' } },
    ],
    [{ certificate: 'main' }, 'tcp', { challenge: 'dns', certificate: 'main' }],
  ])('%j of %s gets its defaults', (tls, type, expected) => {
    expect(completed(tls, type)).toEqual({ ...DEFAULTS, ...expected });
    expect(completed(completed(tls, type), type)).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each<[unknown, 'http' | 'tcp', string[]]>([
    [{ domain: '*.example.com', challenge: 'http' }, 'http', ['/challenge']],
    [{ domains: ['a.test', '*.b.test'], challenge: 'http' }, 'http', ['/challenge']],
    [{ domain: 'a.test', challenge: 'http' }, 'tcp', ['/challenge']],
    [{ mode: 'passthrough' }, 'http', ['/mode']],
    [
      { mode: 'passthrough', certificate: 'main', clientCa: CA_CERTIFICATE, domain: 'a.test' },
      'tcp',
      ['/domain', '/certificate', '/clientCa'],
    ],
    [{ mode: 'passthrough', hsts: true }, 'tcp', ['/hsts']],
    [{ hsts: true }, 'tcp', ['/hsts']],
    [{ hsts: { preload: true } }, 'http', ['/hsts/includeSubDomains']],
    [{ hsts: { preload: true, includeSubDomains: true, maxAge: '1d' } }, 'http', ['/hsts/maxAge']],
    [{ hsts: { maxAge: '99999d' } }, 'http', ['/hsts/maxAge']],
    [{ hsts: 'yes' }, 'http', ['/hsts']],
    [{ domain: 'a.test', domains: ['b.test'] }, 'http', ['/domains']],
    [{ domains: ['a.test', 'A.test'] }, 'http', ['/domains/1']],
    // What certbot or a CA would refuse is not asked for.
    [
      {
        domains: [
          '192.0.2.1',
          '2001:db8::1',
          'a..test',
          '-a.test',
          'ä.test',
          '*.*.test',
          `${'a'.repeat(64)}.test`,
        ],
      },
      'http',
      [0, 1, 2, 3, 4, 5, 6].map((index) => `/domains/${index}`),
    ],
    [{ certificate: '../x' }, 'http', ['/certificate']],
    [{ clientCa: 'nothing' }, 'http', ['/clientCa']],
    [{ clientCa: {} }, 'http', ['/clientCa']],
    [{ challenge: 'mail', minVersion: '1.1', colour: 1 }, 'http', ['/challenge', '/minVersion', '/colour']],
  ])('%j of %s is refused', (tls, type, expected) => {
    const result = validate(tls, type);
    const pointers = result.ok ? [] : result.errors.map(({ pointer }) => pointer.replace('/spec/tls', ''));
    expect(pointers.toSorted()).toEqual(expected.toSorted());
  });
});

it('a wildcard stands for one label', () => {
  const cases: [string, string, boolean][] = [
    ['a.test', 'a.test', true],
    ['a.test', 'b.a.test', false],
    ['*.a.test', 'b.a.test', true],
    ['*.a.test', 'c.b.a.test', false],
    ['*.a.test', 'a.test', false],
    ['*.test', '.test', false],
    ['*.a.test', '*.a.test', true],
  ];
  for (const [name, host, expected] of cases)
    expect([name, host, coversHost(name, host)]).toEqual([name, host, expected]);
});
