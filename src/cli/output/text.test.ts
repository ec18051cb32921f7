import { expect, test } from 'vitest';
import { AppError } from '../../base/errors.ts';
import { formatAge, formatTime } from './age.ts';
import { renderDiff } from './dry-run.ts';
import { readablePath } from './path.ts';
import { problemJson, renderProblem } from './problem.ts';
import { createStyle } from './style.ts';

const plain = (_: string, text: string) => text;

test.each([
  ['', '(the whole)'],
  ['/spec/backends/0/weight', 'spec.backends[0].weight'],
  ['/spec/backends/web-1:8080/weight', 'spec.backends[web-1:8080].weight'],
  ['/labels/example.com~1env', 'labels[example.com/env]'],
  ['/0/target', '[0].target'],
])('shows the pointer %j as %j', (pointer, path) => {
  expect(readablePath(pointer)).toBe(path);
});

test('shows ages in the largest unit', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const ages = [
    '2026-11-23T11:59:15Z',
    '2026-11-23T11:48:00Z',
    '2026-11-23T01:00:00Z',
    '2026-11-01T12:00:00Z',
  ];
  expect(ages.map((time) => formatAge(time, now))).toEqual(['45s', '12m', '11h', '22d']);
  expect(formatAge('2026-11-23T12:00:05Z', now)).toBe('0s');
  expect(formatTime('2026-11-23T10:59:00.123Z', now)).toBe('2026-11-23 10:59:00 UTC (1h ago)');
  expect(formatTime('2026-11-23T12:00:31Z', now)).toBe('2026-11-23 12:00:31 UTC (in 31s)');
  expect(formatTime('2026-11-23T12:00:01Z', now)).toBe('2026-11-23 12:00:01 UTC (0s ago)');
});

test('an error names every field and what mends it', () => {
  const error = new AppError('validation_failed', 'the request has invalid fields', {
    errors: [{ pointer: '/spec/backends/0/weight', code: 'too_big', detail: 'must be at most 256' }],
    hint: 'See the reference',
  });
  expect(renderProblem(error, plain)).toBe(
    'Error: the request has invalid fields (validation_failed)\n  - spec.backends[0].weight: must be at most 256\n  Hint: See the reference\n',
  );
  expect(problemJson(error)).toMatchObject({ code: 'validation_failed', hint: 'See the reference' });
});

test('colours only a terminal, and not against the wish', () => {
  const terminal = { write: () => true, isTTY: true };
  expect(createStyle(terminal, {}, true)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
  expect(createStyle(terminal, { NO_COLOR: '1' }, true)('red', 'x')).toBe('x');
  expect(createStyle(terminal, { TERM: 'dumb' }, true)('red', 'x')).toBe('x');
  expect(createStyle(terminal, {}, false)('red', 'x')).toBe('x');
  expect(createStyle({ write: () => true }, {}, true)('red', 'x')).toBe('x');
});

test('differences stay readable however long a value is', () => {
  const backends = Array.from({ length: 9 }, (_, index) => ({ target: `web-${index}:8080` }));
  const spec = { type: 'http', backends };
  const diff = [
    { pointer: '/name', from: 'web-lb' },
    { pointer: '/spec', from: spec },
    { pointer: '', from: { name: 'web-lb', spec } },
    { pointer: '', to: { name: 'web-lb', spec } },
  ];
  const lines = renderDiff(diff, plain).trimEnd().split('\n');
  expect(lines.slice(0, -1)).toEqual([
    'Differences:',
    '  - name: web-lb',
    '  - spec (removed)',
    '  - the whole load balancer',
    '  + name: web-lb',
    '  + spec.type: http',
  ]);
  expect(lines.at(-1)).toMatch(/^ {2}\+ spec\.backends: \[\{"target":"web-0:8080".{60,80}…$/);
});
