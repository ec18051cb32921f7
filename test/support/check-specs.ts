import fc from 'fast-check';
import { regexFault } from '../../src/spec/check-regex.ts';
import type { HealthCheck } from '../../src/spec/health-check.ts';

const AWKWARD = `'"\\#\${}%[] ;|()*+?^.-,\`~!<>&=@`;

/** Any text on one line, the awkward characters above all. */
const lineText = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(...AWKWARD.split('')),
      fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }),
    ),
    minLength: 1,
    maxLength: 40,
  })
  // oxlint-disable-next-line no-control-regex
  .filter((text) => !/[\u0000-\u001f\u007f]/.test(text));
/** The same with line ends and every other control character. */
const payload = fc.oneof(lineText, fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }));

const pathCharacter = fc.constantFrom(..."abcXYZ0189-._~!$&'()*+,;=:@%/?".split(''));
const path = fc.array(pathCharacter, { maxLength: 40 }).map((characters) => `/${characters.join('')}`);
const port = fc.integer({ min: 1, max: 65_535 });
const host = fc.constantFrom('a.x', 'b-1.a.x:81', '10.1.2.3', '[fd00::7]:80');

const common = (isHttp: boolean) => ({
  interval: fc.constantFrom('1s', '5s', '2m', '1500ms'),
  timeout: fc.constantFrom('10ms', '500ms'),
  fall: fc.integer({ min: 1, max: 100 }),
  rise: fc.integer({ min: 1, max: 100 }),
  port,
  passive: fc.record(
    {
      errors: fc.integer({ min: 0, max: 1000 }),
      observe: fc.constantFrom('layer4', ...(isHttp ? ['layer7'] : [])),
    },
    { requiredKeys: [] },
  ),
});

const regex = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        "'",
        '"',
        '#',
        '%',
        '$',
        '^',
        '.',
        '\\d',
        '\\r\\n',
        '[^"]',
        '(?:a|b)',
        'x{1,3}',
        '+',
        '*',
        '?',
        ' ',
        'ä',
        '}',
        '(',
        '\\',
      ),
      lineText,
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => text.length <= 256 && regexFault(text) === undefined);

const step = fc.oneof(
  fc.record({ connect: fc.record({ port, tls: fc.boolean() }, { requiredKeys: [] }) }),
  fc.record({ send: payload }),
  fc.record({ sendHex: fc.stringMatching(/^([0-9A-Fa-f]{2}){1,20}$/) }),
  fc.record({ expect: payload }),
  fc.record({ expectRegex: regex }),
);

const typed = (
  isHttp: boolean,
  type: string,
  fields: Record<string, fc.Arbitrary<unknown>>,
  required: string[] = [],
) =>
  fc.record<Record<string, unknown>>(
    { type: fc.constant(type), ...fields, ...common(isHttp) },
    { requiredKeys: ['type', ...required] },
  );

const user = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.@$-]{0,20}$/);
const tls = fc.boolean();
const header = fc.tuple(
  fc.stringMatching(/^X-[A-Za-z0-9-]{1,10}$/),
  lineText.filter((text) => text === text.trim()),
);

const httpFields = {
  path,
  host,
  method: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'),
  headers: fc
    .uniqueArray(header, { selector: ([name]) => name.toLowerCase(), maxLength: 3 })
    .map((entries) => Object.fromEntries(entries)),
  expectStatus: fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom('200-399', '200,204,301-302')),
  expectBody: lineText,
};

/** Checks of every type that should be accepted, with awkward texts wherever texts are free. */
export function acceptableCheck(isHttp: boolean): fc.Arbitrary<Record<string, unknown>> {
  const { passive: _passive, ...scripted } = common(isHttp);
  return fc.oneof(
    { arbitrary: typed(isHttp, 'http', httpFields), weight: 3 },
    { arbitrary: typed(isHttp, 'https', httpFields), weight: 2 },
    typed(isHttp, 'tcp', { tls }),
    typed(isHttp, 'grpc', { service: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$/), host, tls }),
    typed(isHttp, 'redis', { tls }),
    typed(isHttp, 'postgres', { user }),
    typed(isHttp, 'mysql', { user }),
    typed(isHttp, 'smtp', { host, tls }),
    {
      arbitrary: typed(isHttp, 'custom', { steps: fc.array(step, { minLength: 1, maxLength: 6 }) }, [
        'steps',
      ]),
      weight: 3,
    },
    fc.record(
      {
        type: fc.constant('custom'),
        script: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
        ...scripted,
      },
      { requiredKeys: ['type', 'script'] },
    ),
  );
}

/** The same check with harmless texts in place of the free ones. */
export function plainCheck(check: HealthCheck): HealthCheck {
  const plain = structuredClone(check);
  switch (plain.type) {
    case 'http':
    case 'https':
      plain.path = '/';
      if (plain.expectBody !== undefined) plain.expectBody = 'x';
      if (plain.host !== undefined) plain.host = 'x';
      for (const name of Object.keys(plain.headers ?? {})) (plain.headers ?? {})[name] = 'x';
      return plain;
    case 'custom':
      for (const step of plain.steps ?? []) {
        if (step.send !== undefined) step.send = 'x';
        if (step.expect !== undefined) step.expect = 'x';
        if (step.expectRegex !== undefined) step.expectRegex = 'x';
      }
      return plain;
    default:
      return plain;
  }
}
