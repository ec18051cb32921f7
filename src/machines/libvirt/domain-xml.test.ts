import { expect, test } from 'vitest';
import { run } from '../../../test/support/command.ts';
import { TEXTS } from '../../../test/support/hostile-values.ts';
import { type DomainSpec, domainXml, interfaceXml, seedXml, snapshotXml } from './domain-xml.ts';

const SPEC: DomainSpec = {
  type: 'qemu',
  machine: 'pc',
  cpus: 2,
  memoryMiB: 1024,
  base: { path: '/images/disk', format: 'raw' },
  boot: { kernel: '/images/kernel', initrd: '/images/initrd' },
  name: 'web-lb-x7k2p',
  uuid: '5f0c7a52-6a4e-8d21-9b1c-0123456789ab',
  title: 'web-lb',
  disk: '/machines/1/disk.qcow2',
  console: '/machines/1/console.log',
};

type Element = [tag: string, attributes: Record<string, string>, text: string | null];

/** All elements in their order, as a reader of XML that is not ours sees them. */
async function parsed(...documents: string[]): Promise<Element[][]> {
  const script = `
import json, sys, xml.etree.ElementTree as tree
print(json.dumps([[[e.tag, e.attrib, e.text] for e in tree.fromstring(each).iter()] for each in json.load(sys.stdin)]))`;
  const { stdout, stderr } = await run('python3', ['-c', script], process.env, JSON.stringify(documents));
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout) as Element[][];
}

test('a domain says what it is made of', async () => {
  const [elements = []] = await parsed(domainXml(SPEC));
  expect(elements).toEqual(
    expect.arrayContaining<Element>([
      ['domain', { type: 'qemu' }, null],
      ['name', {}, 'web-lb-x7k2p'],
      ['memory', { unit: 'MiB' }, '1024'],
      ['vcpu', {}, '2'],
      ['kernel', {}, '/images/kernel'],
      ['source', { file: '/machines/1/disk.qcow2' }, null],
      ['source', { path: '/machines/1/console.log', append: 'on' }, null],
      ['cpu', { mode: 'maximum' }, null],
    ]),
  );
});

test('a disk with a boot loader is booted from, and hardware is used as it is', async () => {
  const [elements = []] = await parsed(domainXml({ ...SPEC, type: 'kvm', boot: null }));
  const tags = elements.map(([tag]) => tag);
  expect(tags).not.toContain('kernel');
  expect(tags).not.toContain('tcg');
  expect(elements).toEqual(
    expect.arrayContaining<Element>([
      ['domain', { type: 'kvm' }, null],
      ['boot', { dev: 'hd' }, null],
      ['cpu', { mode: 'host-passthrough', migratable: 'on' }, null],
    ]),
  );
});

test('no value becomes markup, wherever it is', async () => {
  const texts = Object.values(TEXTS).filter((text) => text.length < 1000);
  const documents = texts.flatMap((text) => {
    const spec = {
      ...SPEC,
      name: text,
      title: text,
      disk: text,
      console: text,
      machine: text,
      base: { path: text, format: 'raw' as const },
      boot: { kernel: text, initrd: text },
    };
    return [
      domainXml(spec),
      snapshotXml(spec, new Date(0)),
      interfaceXml({ mac: text, tap: text }),
      seedXml(text),
    ];
  });
  const [tame = [], tameSnapshot = [], tameNic = [], tameSeed = []] = await parsed(
    domainXml(SPEC),
    snapshotXml(SPEC, new Date(0)),
    interfaceXml({ mac: 'a', tap: 'b' }),
    seedXml('c'),
  );
  const shapes = [tame, tameSnapshot, tameNic, tameSeed].map((elements) => shapeOf(elements));
  const seen = await parsed(...documents);
  for (const [index, elements] of seen.entries()) {
    const text = (texts[Math.floor(index / 4)] ?? '').replace('\0', '');
    expect(shapeOf(elements)).toEqual(shapes[index % 4]);
    if (index % 4 === 0) {
      expect(elements.find(([tag]) => tag === 'name')?.[2] ?? '').toBe(text);
      expect(elements.find(([tag]) => tag === 'source')?.[1]).toEqual({ file: text });
    }
  }
  expect(seen).toHaveLength(4 * texts.length);
});

function shapeOf(elements: readonly Element[]): unknown[] {
  return elements.map(([tag, attributes]) => [tag, Object.keys(attributes)]);
}
