import { Agent, request } from 'node:http';

/** A client in its own process that stays on one connection: told `ask`, it asks once more, and tells the answer. */
export type FromVisitor = { body: string } | { error: string };

const [, , url = ''] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let connections = 0;

process.on('message', () => {
  const sent = request(url, { agent, timeout: 5000 }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    response.once('end', () => process.send?.({ body: `${body} by connection ${connections}` }));
  });
  sent.once('socket', () => {
    if (!sent.reusedSocket) connections += 1;
  });
  sent.once('timeout', () => sent.destroy(new Error('timeout')));
  sent.once('error', (error) => process.send?.({ error: error.message }));
  sent.end();
});
process.on('disconnect', () => process.exit());
process.send?.({ body: 'ready' });
