import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { type Product, ROOT, startProduct } from '../support/product.ts';

/**
 * The documents' examples, run as they stand: `sh run` blocks as a shell script, `yaml apply` blocks by `lb apply`. They
 * name the product's own port and addresses of a private network, so they need a network of their own.
 */
const hasOwnNetwork = process.getuid?.() === 0 && interfaces() === 1;

function interfaces(): number {
  return readFileSync('/proc/self/net/dev', 'utf8').trim().split('\n').length - 2;
}

/** Documents whose examples are whole load balancers. */
const DOCUMENTS = [
  'docs/reference/spec.md',
  'docs/routing.md',
  'docs/dns.md',
  'docs/sticky-sessions.md',
  'docs/rate-limiting.md',
  'docs/tls.md',
  'docs/tls-to-backends-and-proxy-protocol.md',
];

const HOSTS = { 'web-1': '10.0.1.7', 'web-2': '10.0.1.8' };
let product: Product;
const backends: TestBackend[] = [];

async function blocks(file: string, info: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${info}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, block = '']) => block,
  );
}

describe.runIf(hasOwnNetwork)('the documents', () => {
  beforeAll(async () => {
    for (const [name, host] of Object.entries(HOSTS)) {
      execFileSync('ip', ['address', 'add', `${host}/32`, 'dev', 'lo']);
      backends.push(await startBackend({ name, host, port: 8080 }));
    }
    product = await startProduct({
      listen: '127.0.0.1:8080',
      addressPool: '127.80.0.0/24',
      allowLoopback: false,
    });
  });
  afterAll(async () => {
    await product?.stop();
    for (const backend of backends) await backend.stop();
    for (const host of Object.values(HOSTS))
      execFileSync('ip', ['address', 'del', `${host}/32`, 'dev', 'lo']);
  });

  it('README: every command does what it says', async () => {
    const scripts = await blocks('README.md', 'sh run');
    expect(scripts.length).toBe(4);
    const outputs: string[] = [];
    for (const script of scripts) {
      const result = await product.sh(`cd '${ROOT}' && set -e\n${script}`);
      expect(result.code, `${script}\n${result.stderr}`).toBe(0);
      outputs.push(result.stdout);
    }
    expect(outputs[0]).toMatch(/web-[12]$/);
    expect(outputs[1]).toContain('db-lb');
    expect(outputs[2]).toContain('web-1:8080');
    expect(JSON.parse(outputs[3] ?? '')).toMatchObject({ dryRun: true, plan: { path: 'reload' } });
  });

  it('README: the terminal capture is what the command prints', async () => {
    const capture = /^```\n\$ agentmetal (lb backend add .*)\n([\s\S]*?)^```/m.exec(
      await readFile(join(ROOT, 'README.md'), 'utf8'),
    );
    await product.sh(
      'agentmetal lb delete web-lb --yes; agentmetal lb create --name web-lb --type http --vpc prod',
    );
    // On one pipe, as on a terminal, so that the order is what a person sees.
    const { stdout } = await product.sh(`agentmetal ${capture?.[1]} 2>&1`);
    const shape = (text: string) => text.replace(/\d+(\.\d+)? ms/g, 'N ms').trim();
    expect(shape(stdout)).toBe(shape(capture?.[2] ?? ''));
  });

  it('docs/events.md: every command does what it says', async () => {
    await product.sh('agentmetal lb create --name web-lb --type http');
    const [script = ''] = await blocks('docs/events.md', 'sh run');
    const result = await product.sh(`set -e\n${script}`);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/info +load_balancer\.created {2}web-lb: web-lb was created by admin/);
    expect(result.stdout).toMatch(/revision\.live {2}web-lb: revision 1 is live on every node/);
    const lastLine = result.stdout.trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(lastLine)).toHaveProperty('nextCursor');
  });

  it.each(DOCUMENTS)('%s: the examples are accepted', async (file) => {
    for (const example of await blocks(file, '(?:yaml|json) apply')) {
      const result = await product.sh('agentmetal lb apply -f - --no-wait', example);
      expect(result, example).toMatchObject({ code: 0 });
    }
  });
});
