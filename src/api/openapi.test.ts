import { readFile } from 'node:fs/promises';
import { validate } from '@readme/openapi-parser';
import { expect, test } from 'vitest';
import { VERSION } from '../base/version.ts';
import { validateLoadBalancer } from '../spec/validate.ts';
import { type JsonObject, buildOpenApi, renderOpenApi } from './openapi.ts';

test('it is a valid OpenAPI document', async () => {
  const result = await validate(structuredClone(buildOpenApi()) as unknown as Parameters<typeof validate>[0]);
  expect(result).toMatchObject({ valid: true, warnings: [] });
});

test('openapi.json is as the contract says; `npm run generate` writes it', async () => {
  expect(await readFile(new URL('../../openapi.json', import.meta.url), 'utf8')).toBe(renderOpenApi());
});

test('the examples of a load balancer are accepted by the server’s own validation', () => {
  const { paths, info } = buildOpenApi() as {
    paths: Record<string, Record<string, JsonObject>>;
    info: { version: string };
  };
  expect(info.version).toBe(VERSION);
  const body = paths['/v1/load-balancers']?.['post']?.['requestBody'] as {
    content: Record<string, { examples: Record<string, { value: unknown }> }>;
  };
  const examples = Object.values(body.content['application/json']?.examples ?? {});
  expect(examples).toHaveLength(2);
  for (const { value } of examples) expect(validateLoadBalancer(value)).toMatchObject({ ok: true });
});

test('agents’ own paths are not part of it, and every other operation says what it needs', () => {
  const text = renderOpenApi();
  expect(text).not.toContain('/v1/agent/');
  expect(text).toContain('Needs the role `operator`');
});
