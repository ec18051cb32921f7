import { createServer } from 'node:net';
import { systemCode } from '../../base/errors.ts';
import { formatTarget } from '../../spec/target.ts';
import { ApplyError } from './apply-error.ts';

/**
 * Listens for a moment where HAProxy is about to. `haproxy -c` does not notice a port that another process holds, and
 * a reload that meets one pauses the running listeners for seconds.
 */
export async function probeListen(address: string, port: number): Promise<void> {
  const code = await tryListen(address === '*' ? undefined : address, port);
  if (code === undefined) return;
  const where = address === '*' ? `port ${port}` : formatTarget({ host: address, port });
  switch (code) {
    case 'EADDRINUSE':
      throw new ApplyError(
        'address_in_use',
        `${where} is in use by another process`,
        `Find it with \`ss -ltnp 'sport = :${port}'\` and stop it, or choose another port. The agent tries again by itself.`,
      );
    case 'EACCES':
      throw new ApplyError(
        'port_not_permitted',
        `this user may not listen on ${where}`,
        'Ports below 1024 need root or CAP_NET_BIND_SERVICE; run as root, or set --low-port-offset.',
      );
    case 'EADDRNOTAVAIL':
      throw new ApplyError(
        'address_unavailable',
        `${address} is no address of this machine`,
        'Give the machine the address, or set AGENTMETAL_ADDRESS_POOL to addresses that it has.',
      );
    default:
      throw new ApplyError('start_failed', `cannot listen on ${where}: ${code}`);
  }
}

function tryListen(host: string | undefined, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemCode(error) ?? error.message));
    server.listen({ port, exclusive: true, ...(host === undefined ? {} : { host }) }, () =>
      server.close(() => resolve(undefined)),
    );
  });
}
