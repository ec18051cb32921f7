import { describe, expect, it } from 'vitest';
import { DnsZoneSpec } from './dns-zone.ts';
import { fieldErrors } from './field-errors.ts';

const WRONG = 'SECRET with spaces\n';

describe('what errors say of credentials', () => {
  it.each([
    { provider: 'rfc2136', server: '192.0.2.53', tsig: { name: 'key', secret: WRONG } },
    { provider: 'powerdns', url: 'https://dns.example.com', apiKey: WRONG },
    { provider: 'cloudflare', apiToken: WRONG },
    { provider: 'route53', accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: WRONG },
    { provider: 'hetzner', apiToken: WRONG },
    { provider: 'digitalocean', apiToken: WRONG },
  ])('of $provider is what is wrong, never what was sent', (spec) => {
    const errors = fieldErrors(DnsZoneSpec.safeParse(spec, { reportInput: true }).error?.issues ?? []);
    expect(errors.map(({ detail }) => detail).join()).toMatch(/must be/);
    expect(JSON.stringify(errors)).not.toContain('SECRET');
  });

  it('shows other values, so that a mistake is seen', () => {
    const spec = {
      provider: 'rfc2136',
      server: '192.0.2.53',
      tsig: { name: 'no name!', secret: 'c2VjcmV0' },
    };
    const { error } = DnsZoneSpec.safeParse(spec, { reportInput: true });
    expect(fieldErrors(error?.issues ?? [])[0]?.detail).toContain('not "no name!"');
  });
});
