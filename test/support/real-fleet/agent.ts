import { runAgent } from '../../../src/agent/main.ts';
import { createTestClock } from '../acme/test-clock.ts';

// The agent of a machine as its service runs it, by a clock that is put forward from outside.
const [, url = '', enrolFile = '', caFile = '', dataDir = '', ahead = '0'] = process.argv.slice(2);
const clock = createTestClock(Number(ahead));
const ending = new AbortController();
process.on('message', (order: { advance: number } | 'memory') => {
  if (order !== 'memory') return clock.advance(order.advance);
  globalThis.gc?.();
  process.send?.(process.memoryUsage().heapUsed);
});
process.once('SIGTERM', () => ending.abort());
await runAgent({ url, enrolFile, caFile, dataDir, clock, signal: ending.signal });
process.disconnect();
