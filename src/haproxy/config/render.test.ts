import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainCheck } from '../../../test/support/check-specs.ts';
import { specOf } from '../../../test/support/service.ts';
import { acceptableSpec } from '../../../test/support/specs.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { certificateFiles, writeCertificates } from '../../agent/serving/disk.ts';
import { poolsOf } from '../../spec/pools-of.ts';
import { domainsOf } from '../../spec/tls.ts';
import { parseTarget } from '../../spec/target.ts';
import { validateLoadBalancer } from '../../spec/validate.ts';
import type { ServiceModel } from '../model.ts';
import { planChange } from '../plan.ts';
import { checkConfig } from '../process/check.ts';
import { contentFiles } from './files.ts';
import { lookupsOf, writeLookup } from './lookups.ts';
import { servicePaths } from './paths.ts';
import { quote } from './quote.ts';
import { renderConfig, renderFrame } from './render.ts';

const GOLDEN = join(import.meta.dirname, '../../../test/golden');
const ID = 'lb_01m833pgxtewv9hb4s1e6n3b2k';
const directory = await temporaryDirectory();

function model(spec: Record<string, unknown>, base: string): ServiceModel {
  const complete = specOf(spec);
  const hosts = poolsOf(complete)
    .flatMap(([, { backends }]) => backends)
    .map(({ target }) => parseTarget(target)?.host ?? '');
  return {
    id: ID,
    name: 'web-lb',
    spec: complete,
    address: '127.80.0.1',
    layout: {
      directory: join(base, 'lb'),
      socketDirectory: join(base, 'run'),
      user: 'haproxy',
      group: 'haproxy',
      lowPortOffset: 0,
      ipv6: true,
    },
    certificates: [],
    // Names ending in `.gone` have no address: their servers must be left out.
    addresses: new Map(
      hosts.filter((host) => !host.endsWith('.gone')).map((host, index) => [host, `10.0.0.${index + 1}`]),
    ),
  };
}

async function haproxyAccepts(spec: Record<string, unknown>): Promise<void> {
  const file = join(directory.path, 'check.cfg');
  const wanted = model(spec, directory.path);
  await writeFile(file, renderConfig(wanted));
  for (const lookup of lookupsOf(wanted)) await writeFile(lookup.path, writeLookup(lookup));
  for (const { path, content } of contentFiles(wanted)) await writeFile(path, content);
  await writeCertificates(wanted, await certificateFiles(wanted));
  await checkConfig('haproxy', file);
}

beforeAll(async () => {
  const paths = servicePaths(ID, model({ type: 'http' }, directory.path).layout);
  await mkdir(paths.directory, { recursive: true });
  await mkdir(paths.lookups);
  await mkdir(paths.files);
  await mkdir(join(directory.path, 'run'));
});
afterAll(() => directory.remove());

describe('the configuration', async () => {
  for (const file of (await readdir(GOLDEN)).filter((name) => name.endsWith('.txt'))) {
    const name = file.replace(/\.txt$/, '');
    const [input = '', expected = ''] = (await readFile(join(GOLDEN, file), 'utf8')).split('----------\n');
    const spec = JSON.parse(input) as Record<string, unknown>;

    it(`is as expected: ${name}`, async () => {
      const text = renderConfig(model(spec, '/data')).replace(/frame [0-9a-f]{16}/, 'frame HASH');
      if (process.env['GOLDEN'] === 'write')
        await writeFile(join(GOLDEN, file), `${input}----------\n${text}`);
      else expect(text).toBe(expected);
    });

    it(`is accepted by HAProxy without a warning: ${name}`, () => haproxyAccepts(spec));
  }
});

/** The first word of every directive. */
function directives(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*([^\s#]\S*)/.exec(line)?.[1] ?? []);
}

describe('any accepted spec', () => {
  it('adds no directive by what its texts hold', () => {
    fc.assert(
      fc.property(acceptableSpec, (spec) => {
        const complete = model(spec, '/data');
        const plain = structuredClone(complete.spec);
        // The same spec with harmless texts in place of the free ones must have the same directives.
        for (const [, pool] of poolsOf(plain)) pool.healthCheck = plainCheck(pool.healthCheck);
        expect(directives(renderConfig(complete))).toEqual(
          directives(renderConfig({ ...complete, spec: plain })),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('is accepted by HAProxy without a warning', { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(acceptableSpec, haproxyAccepts), { numRuns: 150 });
  });

  it('has a frame that its servers do not change', () => {
    const one = model({ type: 'http', backends: [{ target: '10.0.0.1:80' }] }, '/data');
    const two = model(
      { type: 'http', backends: [{ target: '10.0.0.2:80', weight: 3 }, { target: 'a:1' }] },
      '/data',
    );
    expect(renderFrame(one).hash).toBe(renderFrame(two).hash);
    expect(renderFrame(model({ type: 'http', algorithm: 'leastconn' }, '/data')).hash).not.toBe(
      renderFrame(one).hash,
    );
  });

  it.each([
    { interval: '7s' },
    { timeout: '1s' },
    { fall: 9 },
    { rise: 9 },
    { port: 9 },
    { type: 'https' },
    { path: '/x' },
    { host: 'x' },
    { expectStatus: '200' },
    { expectBody: 'x' },
  ])('has another frame for another health check: %j', (change) => {
    const check = { type: 'http', interval: '5s', timeout: '2s' };
    const before = model({ type: 'http', healthCheck: check }, '/data');
    const after = model({ type: 'http', healthCheck: { ...check, ...change } }, '/data');
    expect(renderFrame(after).hash).not.toBe(renderFrame(before).hash);
  });

  it('is planned as a step when any of it makes another configuration, or it would never take effect', () => {
    fc.assert(
      fc.property(acceptableSpec, acceptableSpec, fc.nat(), (one, two, pick) => {
        const fields = Object.keys(two).filter((field) => field !== 'type');
        const field = fields[pick % Math.max(1, fields.length)];
        const changed =
          field === undefined || one['type'] !== two['type'] ? one : { ...one, [field]: two[field] };
        fc.pre(validateLoadBalancer({ name: 'web-lb', spec: changed }).ok);
        const [from, to] = [model(one, '/data'), model(changed, '/data')];
        const isSame =
          sortedLines(allTexts(from)) === sortedLines(allTexts(to)) &&
          // What is ordered from a CA is seen nowhere in the configuration.
          domainsOf(to.spec.tls).every((domain) => domainsOf(from.spec.tls).includes(domain));
        expect(planChange(from, to).path === 'none').toBe(isSame);
      }),
      { numRuns: 500 },
    );
  });
});

/** The configuration with all that it looks things up in. */
function allTexts(service: ServiceModel): string {
  return [
    renderConfig(service),
    ...lookupsOf(service).map((lookup) => lookup.path + writeLookup(lookup)),
  ].join('\n');
}

/** The order of servers means nothing; where it does, their ids tell it. */
function sortedLines(text: string): string {
  return text.split('\n').toSorted().join('\n');
}

describe('a pool that stays as it is', () => {
  it('has its servers at the addresses that their names stand for now', () => {
    const first = model(
      { type: 'http', backends: [{ target: 'web-1:80' }, { target: 'web-2:80' }] },
      '/data',
    );
    const at = (one: string) => ({ ...first, addresses: new Map([...first.addresses, ['web-1', one]]) });
    expect(renderConfig(at('10.0.0.7'))).toContain('server web-1:80 10.0.0.7:80');
    const moved = renderConfig(at('10.0.0.8'));
    expect(moved).toContain('server web-1:80 10.0.0.8:80');
    expect(moved).not.toContain('10.0.0.7');
    const without = renderConfig({ ...first, addresses: new Map([['web-2', '10.0.0.2']]) });
    expect(without).not.toContain('server web-1:80');
    expect(without).toContain('server web-2:80 10.0.0.2:80');
  });
});

describe('quoting', () => {
  it('gives HAProxy exactly the text that went in', { timeout: 60_000 }, async () => {
    // HAProxy itself reads the word; a script that it loads tells which text came out.
    const run = promisify(execFile);
    const texts = [
      `it's`,
      `a"b`,
      'a#b',
      'a\\b',
      '$HOME',
      '${HOME}',
      'a b',
      '%[src]',
      `'\\''`,
      '{x}',
      '50%',
      'ä🙂',
    ];
    for (const text of texts) {
      const file = join(directory.path, 'quote.cfg');
      const seen = join(directory.path, 'seen');
      await writeFile(
        file,
        `global\n  setenv AM_TEXT ${quote(text)}\n  lua-load ${join(directory.path, 'show.lua')}\n`,
      );
      await writeFile(
        join(directory.path, 'show.lua'),
        `local f = io.open(${JSON.stringify(seen)}, "w") f:write(os.getenv("AM_TEXT")) f:close()`,
      );
      await run('haproxy', ['-c', '-f', file]).catch(() => undefined);
      expect(await readFile(seen, 'utf8')).toBe(text);
    }
  });

  it('refuses what would end a directive', () => {
    for (const text of ['a\nb', 'a\rb', 'a\0b']) expect(() => quote(text)).toThrow(/line break or NUL/);
  });
});
