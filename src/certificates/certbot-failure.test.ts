import { describe, expect, it } from 'vitest';
import { readCertbotFailure } from './certbot-failure.ts';
import { type ReasonCode, explain } from './reason.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const HOUR_MS = 3_600_000;

const challenge = (type: string, detail: string) => `
Certbot failed to authenticate some domains (authenticator: manual). The Certificate Authority reported these problems:
  Domain: app.example.com
  Type:   ${type}
  Detail: ${detail}

Hint: The Certificate Authority failed to verify the manually created challenge files.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile /x/letsencrypt.log or re-run Certbot with -v for more details.
`;
const masked =
  "An unexpected error occurred:\nAttributeError: can't set attribute\nAsk for help or search for solutions at https://community.letsencrypt.org.\n";
const acme = (
  type: string,
  detail: string,
  headers = '',
) => `2026-11-23 09:59:58,464:DEBUG:acme.client:Received response:
HTTP 200
Retry-After: 3

{"status":"valid"}
2026-11-23 09:59:59,464:DEBUG:acme.client:Received response:
HTTP 429
Content-Type: application/problem+json
${headers}
{"type":"urn:ietf:params:acme:error:${type}"}
2026-11-23 09:59:59,470:DEBUG:certbot._internal.log:Exiting abnormally:
Traceback (most recent call last):
acme.messages.Error: urn:ietf:params:acme:error:${type} :: The request failed :: ${detail}
AttributeError: can't set attribute
`;

const read = (given: { output?: string; log?: string; code?: number; isLate?: boolean }) =>
  readCertbotFailure({ output: '', log: '', code: 1, isLate: false, ...given }, NOW);

describe('what the CA met', () => {
  it.each<[string, string, string, ReasonCode]>([
    [
      'no such name (Pebble)',
      'connection',
      'Get "http://app.example.com:80/x": could not resolve URL "http://app.example.com"',
      'name_not_found',
    ],
    [
      'no such name',
      'dns',
      'DNS problem: NXDOMAIN looking up A for app.example.com - check that a DNS record exists',
      'name_not_found',
    ],
    [
      'no address',
      'dns',
      'no valid A records found for app.example.com; no valid AAAA records found for app.example.com',
      'name_not_found',
    ],
    [
      'a name server that fails',
      'dns',
      'DNS problem: SERVFAIL looking up A for app.example.com',
      'dns_unreachable',
    ],
    [
      'nothing listens',
      'connection',
      '203.0.113.9: Fetching http://app.example.com/.well-known/acme-challenge/x: Connection refused',
      'connection_refused',
    ],
    [
      'nothing listens (Pebble)',
      'connection',
      'Get "http://app.example.com:80/x": dial tcp 127.0.0.99:80: connect: connection refused',
      'connection_refused',
    ],
    [
      'another server',
      'unauthorized',
      '203.0.113.9: Invalid response from http://app.example.com/.well-known/acme-challenge/x: 404',
      'points_elsewhere',
    ],
    [
      'another server (Pebble)',
      'unauthorized',
      'Non-200 status code from HTTP: http://app.example.com:80/x returned 404',
      'points_elsewhere',
    ],
    [
      'a stale AAAA (Pebble)',
      'connection',
      'Get "http://app.example.com/x": dial tcp [2001:db8::1]:80: connect: network is unreachable',
      'ipv6_elsewhere',
    ],
    [
      'a stale AAAA',
      'connection',
      '2001:db8::1: Fetching http://app.example.com/x: Timeout during connect (likely firewall problem)',
      'ipv6_elsewhere',
    ],
    [
      'a firewall',
      'connection',
      '203.0.113.9: Fetching http://app.example.com/x: Timeout during connect (likely firewall problem)',
      'port_blocked',
    ],
    [
      'a firewall (Pebble)',
      'connection',
      'Get "http://app.example.com/x": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
      'port_blocked',
    ],
    [
      'another account',
      'unauthorized',
      'The key authorization file from the server did not match this challenge "x.A" != "x.B"',
      'wrong_answer',
    ],
    ['a CAA record', 'caa', 'CAA record for app.example.com prevents issuance', 'caa_forbids'],
    [
      'no TXT record',
      'dns',
      'DNS problem: NXDOMAIN looking up TXT for _acme-challenge.app.example.com',
      'txt_not_visible',
    ],
    [
      'another TXT record',
      'unauthorized',
      'Incorrect TXT record "x" found at _acme-challenge.app.example.com',
      'txt_not_visible',
    ],
    [
      'another TXT record (Pebble)',
      'unauthorized',
      'Correct value not found for DNS challenge',
      'txt_not_visible',
    ],
    ['something new', 'connection', 'the moon is in the way', 'challenge_failed'],
  ])('is understood: %s', (_what, type, detail, code) => {
    expect(read({ output: challenge(type, detail), log: 'whatever' })).toEqual({ code, detail });
    expect(read({ log: challenge(type, detail), output: masked })).toMatchObject({ code });
  });
});

describe('what the CA refuses', () => {
  it.each<[string, string, ReasonCode]>([
    [
      'caa',
      'Error finalizing order :: While processing CAA for app.example.com: CAA record for app.example.com prevents issuance',
      'caa_forbids',
    ],
    [
      'accountDoesNotExist',
      'unable to find existing account for only-return-existing request',
      'account_gone',
    ],
    ['unauthorized', 'Account is not valid, has status "deactivated"', 'account_gone'],
    ['externalAccountRequired', 'needs a binding', 'eab_required'],
    ['unauthorized', "the field 'kid' references a key that is not known to the ACME server", 'eab_refused'],
    [
      'rejectedIdentifier',
      'Cannot issue for "app.example.com": The ACME server refuses to issue',
      'name_refused',
    ],
    ['invalidContact', 'contact email has forbidden domain "example.com"', 'email_refused'],
    ['userActionRequired', 'the terms have changed', 'terms_refused'],
    ['serverInternal', 'Internal error', 'ca_error'],
    ['badNonce', 'JWS has an invalid anti-replay nonce', 'ca_error'],
    ['malformed', 'something', 'ca_refused'],
    ['brandNew', 'something', 'ca_refused'],
  ])('is read from the log, which Debian 12’s certbot does not print: %s', (type, detail, code) => {
    expect(read({ output: masked, log: acme(type, detail) }).code).toBe(code);
  });

  it('is told with the moment from which it may be asked again, the later of header and words', () => {
    const detail =
      'too many certificates (5) already issued, retry after 2026-11-24 10:00:00 UTC: see https://letsencrypt.org';
    const limited = (headers: string, words = detail) =>
      read({ output: masked, log: acme('rateLimited', words, headers) });
    expect(limited('')).toEqual({ code: 'rate_limited', detail, retryAt: NOW + 24 * HOUR_MS });
    expect(limited('retry-after: 172800\n').retryAt).toBe(NOW + 48 * HOUR_MS);
    expect(limited('Retry-After: 60\n').retryAt).toBe(NOW + 24 * HOUR_MS);
    expect(limited('Retry-After: Mon, 23 Nov 2026 11:00:00 GMT\n', 'slow down').retryAt).toBe(NOW + HOUR_MS);
    expect(limited('Retry-After: 999999999\n').retryAt).toBe(NOW + 8 * 24 * HOUR_MS);
    expect(limited('Retry-After: whenever\n', 'slow down').retryAt).toBeUndefined();
  });

  it('takes the last word, after others that certbot has got over', () => {
    const log = acme('badNonce', 'once') + acme('rejectedIdentifier', 'no');
    expect(read({ output: masked, log }).code).toBe('name_refused');
  });
});

describe('what stands in the way on the machine or the network', () => {
  it.each<[string, string, ReasonCode]>([
    [
      'a CA that is down',
      'An unexpected error occurred:\nValueError: Requesting 127.0.0.1/dir: Connection refused',
      'ca_unreachable',
    ],
    [
      'a CA that is silent',
      "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='ca', port=443): Read timed out. (read timeout=45)",
      'ca_unreachable',
    ],
    ['a CA in maintenance', 'acme.errors.ClientError: <Response [503]>', 'ca_error'],
    [
      'a CA without trust',
      'requests.exceptions.SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate',
      'ca_untrusted',
    ],
    [
      'EAB',
      'Unable to register an account with ACME server. Server requires external account binding. Please use --eab-kid and --eab-hmac-key.',
      'eab_required',
    ],
    [
      'a wildcard by HTTP',
      'Client with the currently selected authenticator does not support any combination of challenges that will satisfy the CA.',
      'wildcard_needs_dns',
    ],
    [
      'an IP address',
      "Requested name 10.0.0.1 is an IP address. The Let's Encrypt certificate authority will not issue certificates for a bare IP address.",
      'name_refused',
    ],
    [
      'an account that is gone from the disk',
      'You should register before running non-interactively, or provide --agree-tos and --email <email_address> flags.',
      'account_gone',
    ],
    ['another certbot', 'Another instance of Certbot is already running.', 'interrupted'],
    ['a full disk', 'OSError: [Errno 28] No space left on device', 'disk_full'],
    [
      'files of others',
      "The following error was encountered:\n[Errno 13] Permission denied: '/var/log/letsencrypt'",
      'not_writable',
    ],
    [
      'something new',
      'Traceback\nThe moon is in the way\nAsk for help or search for solutions at x',
      'certbot_failed',
    ],
  ])('is understood: %s', (_what, output, code) => {
    expect(read({ output }).code).toBe(code);
  });

  it('a full disk counts before what the CA said', () => {
    const log = `${acme('badNonce', 'once')}OSError: [Errno 28] No space left on device\n`;
    expect(read({ output: masked, log }).code).toBe('disk_full');
  });

  it('is told how it ended when there is nothing else', () => {
    expect(read({ isLate: true, code: 124 }).code).toBe('certbot_slow');
    expect(readCertbotFailure({ output: 'x', log: '', code: undefined, isLate: false }, NOW).code).toBe(
      'interrupted',
    );
    expect(
      read({ code: 127, output: "timeout: failed to run command 'certbot': No such file or directory" }).code,
    ).toBe('certbot_missing');
  });

  it('is safe to show, whatever somebody wrote', () => {
    const { detail } = read({ output: challenge('unauthorized', `\u001b[2Jx${'y'.repeat(5000)}`) });
    expect(detail).toMatch(/^\\x1b\[2Jxy/);
    expect(detail.length).toBeLessThan(500);
  });
});

describe('what is told', () => {
  const subject = { domain: 'app.example.com', addresses: ['203.0.113.5', '2001:db8::5'] };

  it('says what happened and what to do, with the very record', () => {
    expect(explain({ code: 'name_not_found', detail: 'asked 127.0.0.1:53' }, subject)).toEqual({
      reason: 'app.example.com has no A or AAAA record: asked 127.0.0.1:53',
      whatToDo: 'Create the record app.example.com A 203.0.113.5, app.example.com AAAA 2001:db8::5.',
    });
    expect(
      explain({ code: 'name_not_found', detail: '' }, { ...subject, addresses: ['*'] }).whatToDo,
    ).toContain('an A record (and AAAA for IPv6) of app.example.com');
  });
});
