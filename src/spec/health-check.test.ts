import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptableCheck } from '../../test/support/check-specs.ts';
import { regexFault } from './check-regex.ts';
import { checkOfBackend, isScriptCheck } from './health-check.ts';
import { validateLoadBalancer } from './validate.ts';

function validate(healthCheck: object, type: 'http' | 'tcp' = 'http') {
  return validateLoadBalancer({ name: 'web-lb', spec: { type, port: 81, healthCheck } });
}

function faults(healthCheck: object, type?: 'http' | 'tcp'): string[] {
  const result = validate(healthCheck, type);
  return result.ok
    ? []
    : result.errors.map(({ pointer, detail }) => `${pointer.replace('/spec/healthCheck', '')}: ${detail}`);
}

function completed(healthCheck: object, type?: 'http' | 'tcp') {
  const result = validate(healthCheck, type);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value.spec.healthCheck;
}

const CADENCE = { interval: '5s', timeout: '2s', fall: 3, rise: 2 };
const PASSIVE = { passive: { errors: 10, observe: 'layer4' } };

describe('a health check', () => {
  it.each<[object, object]>([
    [{}, { type: 'tcp', tls: false, ...CADENCE, ...PASSIVE }],
    [{ type: 'grpc' }, { type: 'grpc', tls: false, ...CADENCE, ...PASSIVE }],
    [
      { type: 'redis', tls: true },
      { type: 'redis', tls: true, ...CADENCE, ...PASSIVE },
    ],
    [{ type: 'postgres' }, { type: 'postgres', user: 'postgres', ...CADENCE, ...PASSIVE }],
    [{ type: 'mysql' }, { type: 'mysql', ...CADENCE, ...PASSIVE }],
    [
      { type: 'smtp', host: 'lb.x' },
      { type: 'smtp', host: 'lb.x', tls: false, ...CADENCE, ...PASSIVE },
    ],
    [
      { type: 'custom', steps: [{ expect: 'x' }], passive: { errors: 0 } },
      { type: 'custom', steps: [{ expect: 'x' }], ...CADENCE, passive: { errors: 0, observe: 'layer4' } },
    ],
    [
      { type: 'custom', script: 'lag.sh' },
      { type: 'custom', script: 'lag.sh', ...CADENCE },
    ],
  ])('%j gets its defaults', (given, expected) => {
    expect(completed(given)).toEqual(expected);
  });

  it.each<[object, string[]]>([
    [{ type: 'ftp' }, [': type']],
    [{ type: 'grpc', path: '/x' }, ['/path: needs a check of type http or https']],
    [{ type: 'http', service: 'a' }, ['/service: needs a check of type grpc']],
    [{ type: 'http', tls: true }, ['/tls: needs a check of type tcp or grpc or redis or smtp']],
    [{ type: 'redis', user: 'x' }, ['/user: needs a check of type postgres or mysql']],
    [{ service: 'a' }, ['/service: needs a check of type grpc']],
    [{ type: 'grpc', service: 'a b' }, ['/service: must be a gRPC service']],
    [{ type: 'grpc', service: `a'\n` }, ['/service: must be a gRPC service']],
    [{ type: 'postgres', user: `x' option` }, ['/user: must be 1 to 63']],
    [{ type: 'mysql', user: '' }, ['/user: must be 1 to 63']],
    [{ type: 'custom' }, ['/steps: a custom check has either steps or a script']],
    [{ type: 'custom', steps: [{ send: 'x' }], script: 'x' }, ['/script: a custom check has either']],
    [{ type: 'custom', steps: [] }, ['/steps: ']],
    [{ type: 'custom', steps: [{}] }, ['/steps/0: must have exactly one of connect, send']],
    [{ type: 'custom', steps: [{ send: 'x', expect: 'y' }] }, ['/steps/0: must have exactly one of']],
    [{ type: 'custom', steps: [{ connect: { port: 0 } }] }, ['/steps/0/connect/port: ']],
    [{ type: 'custom', steps: [{ connect: { host: 'x' } }] }, ['/steps/0/connect/host: there is no field']],
    [{ type: 'custom', steps: [{ sendHex: 'abc' }] }, ['/steps/0/sendHex: must be bytes in hexadecimal']],
    [{ type: 'custom', steps: [{ sendHex: "00' #" }] }, ['/steps/0/sendHex: must be bytes']],
    [{ type: 'custom', steps: [{ send: '\ud800' }] }, ['/steps/0/send: must not hold halves']],
    [{ type: 'custom', steps: [{ send: 'ä'.repeat(1025) }] }, ['/steps/0/send: must be at most 2048 bytes']],
    [{ type: 'custom', steps: [{ expectRegex: '(' }] }, ['/steps/0/expectRegex: is no regular expression']],
    [{ type: 'custom', script: '../etc/passwd' }, ['/script: must be the name of a file']],
    [{ type: 'custom', script: 'a/b' }, ['/script: must be the name of a file']],
    [{ type: 'custom', script: '..' }, ['/script: must be the name of a file']],
    [{ type: 'custom', script: '.hidden' }, ['/script: must be the name of a file']],
    [{ type: 'custom', script: 'a b' }, ['/script: must be the name of a file']],
    [{ type: 'custom', script: 'x', passive: { errors: 3 } }, ['/passive/errors: must be 0 or left out']],
    [{ type: 'http', headers: { Host: 'x' } }, ['/headers/Host: ']],
    [{ type: 'http', headers: { 'X-A': 'a\nb' } }, ['/headers/X-A: ']],
    [{ passive: { errors: -1 } }, ['/passive/errors: ']],
    [{ passive: { observe: 'layer5' } }, ['/passive/observe: ']],
    [{ passive: { colour: 'red' } }, ['/passive/colour: there is no field']],
    [{ password: 'secret' }, ['/password: there is no field']],
  ])('%j is refused', (given, expected) => {
    const found = faults(given);
    expect(found).toHaveLength(expected.length);
    for (const [index, start] of expected.entries())
      expect(found[index]).toContain(start === ': type' ? '/type: ' : start);
  });

  it('of a tcp load balancer reads no answers of its traffic', () => {
    expect(faults({ passive: { observe: 'layer7' } }, 'tcp')).toEqual([
      '/passive/observe: needs an http load balancer: a tcp one does not read answers',
    ]);
    expect(faults({ type: 'redis' }, 'tcp')).toEqual([]);
    expect(faults({ path: '/x' }, 'tcp')[0]).toContain('needs "type": "http" or "https"');
  });

  it('is what it was when it is sent again with its defaults', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.context(), acceptableCheck(true), (isHttp, _context, check) => {
        fc.pre(isHttp || (check['passive'] as { observe?: string } | undefined)?.observe !== 'layer7');
        const type = isHttp ? 'http' : 'tcp';
        const first = completed(check, type);
        expect(completed(JSON.parse(JSON.stringify(first)) as object, type)).toEqual(first);
      }),
      { numRuns: 500 },
    );
  });

  it('may be other for one backend', () => {
    const check = completed({ type: 'redis' });
    expect(checkOfBackend(check)).toEqual(check);
    expect(checkOfBackend(check, { port: 7, rise: 9 })).toEqual({ ...check, port: 7, rise: 9 });
    expect(isScriptCheck(checkOfBackend(completed({ type: 'custom', script: 'x' }), { fall: 1 }))).toBe(true);
  });
});

describe('a regular expression', () => {
  it.each([
    '^220 ',
    'role:(?:master|slave)\\r\\n',
    '[^"\\]]+',
    'a{1,100}',
    'x|y',
    '\\d\\w\\s\\b\\.\\x41\\/',
    'ä',
    '[a-z-]',
  ])('%s is taken', (pattern) => {
    expect(regexFault(pattern)).toBeUndefined();
  });

  it.each([
    ['(', 'is no regular expression'],
    ['a**', 'is no regular expression'],
    ['}', 'is no regular expression'],
    ['[]a]', 'empty or a POSIX class'],
    ['[[:alpha:]]', 'empty or a POSIX class'],
    ['(?=a)', 'must not look around'],
    ['(?<=a)b', 'must not look around'],
    ['(?<n>a)', 'must not look around'],
    ['(?i)a', 'must not look around'],
    ['(*LIMIT_MATCH=99999999)a', 'must not look around'],
    ['(a)\\1', 'has an escape'],
    ['\\p{L}', 'has an escape'],
    ['\\Q(\\E', 'has an escape'],
    ['\\u0041', 'has an escape'],
    ['a\nb', 'must be one line'],
    ['a\0b', 'must be one line'],
    ['a{1,500}a{1,500}', 'repeats too often'],
    ['((a{20}){20}){20}', 'repeats too often'],
    ['a{1001}', 'repeats too often'],
  ])('%j is refused', (pattern, fault) => {
    expect(regexFault(pattern)).toContain(fault);
  });
});
