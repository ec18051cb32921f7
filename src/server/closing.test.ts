import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startControlPlane } from '../../test/support/control-plane.ts';

test('a client that waits has its answer when the control plane closes, and is not waited for after that', async () => {
  const plane = await startControlPlane();
  const { version } = await plane.agent.desired();
  const { port, hostname } = new URL(await plane.server.listen());
  // It keeps its connection and says nothing more, as a machine that has lost its power.
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  const asked = once(plane.app.server, 'request');
  socket.write(
    `GET /v1/agent/desired?since=${version}&wait=30 HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${plane.agentToken}\r\n\r\n`,
  );
  await asked;
  const ended = once(socket, 'end');
  // A connection on which nothing is asked may be open for more than a minute, and the test would be over.
  await plane.server.close();
  await ended;
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  socket.destroy();
  await plane.stop();
});
