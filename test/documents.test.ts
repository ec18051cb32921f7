import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../src/api/events.ts';
import { validateLoadBalancer } from '../src/spec/validate.ts';
import { startWithWebLb } from './support/cli/fake-api.ts';
import { runCli } from './support/cli/run-cli.ts';

/** What the documents say without a data plane: bodies are valid, and commands are understood and do something. */
const ROOT = join(import.meta.dirname, '..');

function documents(): string[] {
  const inFolder = (folder: string) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name));
  return [...inFolder('docs'), 'docs/reference/spec.md'];
}

function blocks(file: string, info: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${info}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, block = '']) => block,
  );
}

const examples = documents().flatMap((file) =>
  blocks(file, '(?:json|yaml) apply').map((text, index) => ({ file, index, text })),
);
const scripts = documents()
  .map((file) => ({ file, lines: blocks(file, 'sh cli').flatMap((block) => block.trim().split('\n')) }))
  .filter(({ lines }) => lines.length > 0);

describe('examples of load balancers', () => {
  test('are there', () => expect(examples.length).toBeGreaterThan(7));

  test.each(examples)('$file, example $index', ({ text }) => {
    const result = validateLoadBalancer(parse(text));
    expect(result.ok ? [] : result.errors).toEqual([]);
  });

  test('show every field of the spec', () => {
    const shown = new Set(
      examples.flatMap(({ text }) => Object.keys((parse(text) as { spec: object }).spec)),
    );
    const result = validateLoadBalancer({ name: 'a', spec: { type: 'http' } });
    const fields = Object.keys(result.ok ? result.value.spec : {});
    const unshown = fields.filter(
      (field) => !shown.has(field) && !['nodes', 'deletionProtection'].includes(field),
    );
    expect(unshown).toEqual([]);
  });
});

test('docs/events.md tells of every type of event', () => {
  const text = readFileSync(join(ROOT, 'docs/events.md'), 'utf8');
  expect(EVENT_TYPES.filter((type) => !text.includes(`\`${type}\``))).toEqual([]);
});

describe('commands, one after another', () => {
  test('are there', () => expect(scripts.length).toBeGreaterThan(3));

  test.each(scripts)('$file', async ({ lines }) => {
    const { env } = await startWithWebLb();
    for (const line of lines) {
      const { code, err } = await runCli(line.replace(/^agentmetal /, ''), { env });
      expect({ line, code, err }).toMatchObject({ code: 0 });
    }
  });
});
