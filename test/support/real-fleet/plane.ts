import { createServer } from 'node:http';
import { runServer } from '../../../src/server/main.ts';
import { createTestClock } from '../acme/test-clock.ts';
import { VPC } from '../floating/network.ts';
import { AGENT_LISTEN, API, BACKENDS } from './places.ts';

/** Longer than a heartbeat takes to come again, and no longer than a test has to wait. */
const SILENCE_MS = 15_000;

// Runs beside the backends in the network of the machines: the control plane itself, and the backends.
const [dataDir = '', adminKey = '', ahead = '0'] = process.argv.slice(2);
const clock = createTestClock(Number(ahead));
for (const port of BACKENDS)
  createServer((_, response) => response.end(String(port))).listen(port, VPC.backends);
const plane = await runServer({
  dataDir,
  listen: API.replace('http://', ''),
  addressPool: '127.80.0.0/24',
  adminKey,
  agentListen: AGENT_LISTEN,
  replacement: { afterMs: SILENCE_MS, pauseMs: 1000 },
  logLevel: 'warn',
  resolver: process.env['AGENTMETAL_RESOLVER'],
  clock,
});
process.on('message', (order: { advance: number }) => clock.advance(order.advance));
const end = () => {
  void plane.close().then(() => process.exit());
};
process.once('disconnect', end);
process.once('SIGTERM', end);
process.send?.('ready');
