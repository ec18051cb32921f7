import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Condition } from '../../src/api/load-balancer.ts';
import { startBind } from '../support/dns/bind.ts';
import { hasOwnNetwork } from '../support/own-network.ts';
import { type Product, ROOT, startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

/** docs/dns.md as it stands, with BIND at the address that it names; for that it needs a network of its own. */
const SERVER = '192.0.2.53';

describe.runIf(hasOwnNetwork())('docs/dns.md', () => {
  let bind: Awaited<ReturnType<typeof startBind>>;
  let product: Product;
  let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
  let scripts: string[];

  beforeAll(async () => {
    execFileSync('ip', ['address', 'add', `${SERVER}/32`, 'dev', 'lo']);
    [folder, bind, product] = await Promise.all([
      temporaryDirectory(),
      startBind({ address: SERVER, port: 53 }),
      startProduct({ env: { AGENTMETAL_RESOLVER: `${SERVER}:53` } }),
    ]);
    const { name, algorithm, secret } = bind.key;
    const keyFile = `key "${name}" {\n\talgorithm ${algorithm};\n\tsecret "${secret}";\n};\n`;
    await writeFile(join(folder.path, 'lb-key.conf'), keyFile, { mode: 0o600 });
    const text = await readFile(join(ROOT, 'docs/dns.md'), 'utf8');
    scripts = [...text.matchAll(/^```sh run\n(.*?)^```/gms)].map(([, script = '']) => script);
  });
  afterAll(async () => {
    await product?.stop();
    await bind?.stop();
    await folder?.remove();
    execFileSync('ip', ['address', 'del', `${SERVER}/32`, 'dev', 'lo']);
  });

  const run = async (script = '') => {
    const result = await product.sh(`cd '${folder.path}' && set -e\n${script}`);
    expect(result.code, `${script}\n${result.stderr}`).toBe(0);
    return result.stdout;
  };
  const dnsRecords = async (): Promise<Condition | undefined> =>
    (await product.loadBalancer('web-lb')).status.conditions.find(({ type }) => type === 'DnsRecords');

  it('every command does what it says, and the records come and go', async () => {
    expect(scripts).toHaveLength(3);
    expect(await run(scripts[0])).toContain('DNS zone example.com added');
    const present = await waitFor('the condition', async () => {
      const found = await dnsRecords();
      return found?.message.includes('203.0.113.5') && found.status === 'true' ? found : undefined;
    });
    expect(present.message).toBe('app.example.com leads here: app.example.com. 300 IN A 203.0.113.5.');
    expect(await bind.resolver.resolve4('app.example.com', { ttl: true })).toEqual([
      { address: '203.0.113.5', ttl: 300 },
    ]);
    const shown = await run('agentmetal lb show web-lb');
    expect(shown).toMatch(/DnsRecords +true +app\.example\.com leads here/);
    expect(shown + product.output()).not.toContain(bind.key.secret);
    expect(await run(scripts[1])).toMatch(/example\.com +rfc2136 +ready/);
    await waitFor('the record gone', () =>
      bind.resolver.resolve4('app.example.com').then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ENOTFOUND',
      ),
    );
    expect(await run(scripts[2])).toBe('DNS zone example.com removed\n');
  });

  it('without a zone the condition reads as the document prints it', async () => {
    await run('agentmetal lb create --name web-lb --type http --domain app.example.com');
    const document = await readFile(join(ROOT, 'docs/dns.md'), 'utf8');
    const printed = /^DnsRecords +false +(.*)$/m.exec(document)?.[1];
    await run('agentmetal lb dns set web-lb --address 203.0.113.5');
    await waitFor('the condition', async () => (await dnsRecords())?.message === printed);
    expect(await dnsRecords()).toMatchObject({ status: 'false', reason: 'Missing' });
    expect(await run('agentmetal lb show web-lb')).toContain(printed);
  });
});
