import { afterAll, expect, it } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { startProduct } from '../support/product.ts';
import { freePort, temporaryDirectory } from '../support/temporary.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

it('listens beyond loopback with a self-made certificate, which its agent and the CLI trust and others do not', async () => {
  const tls = selfSigned(directory.path, 'lb.example.com');
  const product = await startProduct({ listen: `0.0.0.0:${await freePort()}`, tls });
  try {
    expect(await product.sh('agentmetal lb create web --type http --port 8080')).toMatchObject({ code: 0 });
    expect((await product.loadBalancer('web')).status.state).toBe('active');
    const other = await product.sh('XDG_CONFIG_HOME=/nowhere AGENTMETAL_CA_FILE= agentmetal lb list');
    expect(other.code).toBe(6);
    expect(other.stderr).toMatch(/self-signed certificate|certificate/);
  } finally {
    await product.stop();
  }
});

it('refuses to listen beyond loopback in the clear', async () => {
  await expect(startProduct({ listen: `0.0.0.0:${await freePort()}` })).rejects.toThrow(
    /without TLS would show API keys/,
  );
});
