import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CliFailure } from './failure.ts';
import {
  type HealthCheckText,
  describeHealthCheck,
  formatHealthCheck,
  parseHealthCheck,
} from './health-check-text.ts';

describe('parseHealthCheck', () => {
  test.each<[string, HealthCheckText]>([
    ['http:/health:5s', { type: 'http', path: '/health', interval: '5s' }],
    ['https:/:500ms', { type: 'https', path: '/', interval: '500ms' }],
    ['http:8081:/health:5s', { type: 'http', port: 8081, path: '/health', interval: '5s' }],
    ['http::/health:5s', { type: 'http', path: '/health', interval: '5s' }],
    ['http:/a:b:c:2m', { type: 'http', path: '/a:b:c', interval: '2m' }],
    ['http:/health:5s:10s', { type: 'http', path: '/health:5s', interval: '10s' }],
    ['HTTP:/health?x=1:5s', { type: 'http', path: '/health?x=1', interval: '5s' }],
    ['tcp:5s', { type: 'tcp', interval: '5s' }],
    ['tcp::5s', { type: 'tcp', interval: '5s' }],
    ['tcp:5432:1h', { type: 'tcp', port: 5432, interval: '1h' }],
    ['grpc:50051:5s', { type: 'grpc', port: 50_051, interval: '5s' }],
    ['redis:5s', { type: 'redis', interval: '5s' }],
    ['Postgres::5s', { type: 'postgres', interval: '5s' }],
    ['mysql:3306:5s', { type: 'mysql', port: 3306, interval: '5s' }],
    ['smtp:5s', { type: 'smtp', interval: '5s' }],
    ['custom:replica-lag.sh:10s', { type: 'custom', script: 'replica-lag.sh', interval: '10s' }],
  ])('reads %s', (text, expected) => {
    expect(parseHealthCheck(text)).toEqual(expected);
  });

  test.each([
    ['', 'is no type of check'],
    [':', 'is no type of check'],
    ['ftp:/x:5s', '"ftp" is no type of check'],
    ['__proto__:5s', 'is no type of check'],
    ['http', 'the interval is missing'],
    ['http:', 'the interval is missing'],
    ['http:5s', 'the path is missing'],
    ['http:/health', 'the interval after the path is missing'],
    ['http:/health:', 'the interval is missing'],
    ['http:/health:5', '"5" is no interval'],
    ['http:/health:5 s', 'is no interval'],
    ['http:/health:-5s', 'is no interval'],
    ['http:health:5s', 'the path is missing'],
    ['http:x/health:5s', 'the path must begin with a slash'],
    ['http:0:/health:5s', '"0" is no port'],
    ['http:65536:/health:5s', 'is no port'],
    ['http:80:81:/health:5s', 'is no port'],
    ['tcp', 'the interval is missing'],
    ['tcp:8081', '"8081" is no interval'],
    ['tcp:/x:5s', 'is no port'],
    ['tcp:1:2:5s', 'is no port'],
    ['grpc:/x:5s', 'is no port'],
    ['redis:5', 'is no interval'],
    ['custom:5s', 'the name of the program is missing'],
    ['custom::5s', 'the name of the program is missing'],
    ['custom:../x:5s', 'is no name of a program'],
    ['custom:a b:5s', 'is no name of a program'],
    ['custom:x', 'is no interval'],
    [`http:/${'a'.repeat(10_000)}`, 'the interval after the path is missing'],
  ])('refuses %j', (text, message) => {
    expect(() => parseHealthCheck(text)).toThrow(message);
  });

  test('a refusal is a usage error with the forms to use', () => {
    expect(() => parseHealthCheck('http:/health')).toThrow(
      expect.objectContaining({ exit: 2, hint: expect.stringContaining('http:/health:5s') }),
    );
  });

  test('whatever is given is read or refused with words', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^(http|https|tcp|grpc|custom)[:/a-z0-9]{0,20}$/)),
        (text) => {
          const thrown = thrownBy(() => parseHealthCheck(text));
          expect(thrown === undefined || thrown instanceof CliFailure).toBe(true);
        },
      ),
    );
  });
});

function thrownBy(read: () => unknown): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}

test('what is formatted is read back', () => {
  const interval = fc
    .tuple(fc.integer({ min: 1, max: 999_999 }), fc.constantFrom('ms', 's', 'm', 'h'))
    .map(([n, unit]) => `${n}${unit}`);
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
  const path = fc.string({ unit: 'grapheme' }).map((text) => `/${text}`);
  const http = fc.record({ type: fc.constantFrom('http', 'https'), port, path, interval });
  const script = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
  const plain = fc.record({
    type: fc.constantFrom('tcp', 'grpc', 'redis', 'postgres', 'mysql', 'smtp'),
    port,
    interval,
  });
  const custom = fc.record({ type: fc.constant('custom'), script, interval });
  fc.assert(
    fc.property(fc.oneof(http, plain, custom), (check) => {
      const wanted = JSON.parse(JSON.stringify(check)) as HealthCheckText;
      expect(parseHealthCheck(formatHealthCheck(wanted))).toEqual(wanted);
    }),
  );
});

test('describes what it understood', () => {
  expect(describeHealthCheck(parseHealthCheck('http:/health:5s'))).toBe(
    'health check: GET /health over http every 5s',
  );
  expect(describeHealthCheck(parseHealthCheck('tcp:5432:10s'))).toBe(
    'health check: a tcp connection on port 5432 every 10s',
  );
});

test.each([
  ['grpc:50051:5s', 'gRPC health of the server on port 50051 every 5s'],
  ['redis:5s', 'PING of redis every 5s'],
  ['postgres:5s', 'postgres login as postgres every 5s'],
  ['mysql:5s', 'mysql greeting every 5s'],
  ['smtp:5s', 'smtp greeting every 5s'],
  ['custom:lag:5s', 'program lag every 5s'],
])('describes %s', (text, words) => {
  expect(describeHealthCheck(parseHealthCheck(text))).toBe(`health check: ${words}`);
});
