import { Agent, request } from 'node:http';

export interface LoadResult {
  ok: number;
  failed: number;
  /** What went wrong, a few of each kind. */
  faults: string[];
}

/** Clients that send one request after another on connections that they keep, and never try one again. */
export function startLoad(url: string, clients = 8): { stop(): Promise<LoadResult> } {
  const result: LoadResult = { ok: 0, failed: 0, faults: [] };
  let isRunning = true;
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (isRunning) {
      const fault = await ask(url, agent);
      if (fault === undefined) result.ok += 1;
      else {
        result.failed += 1;
        if (result.faults.length < 20) result.faults.push(fault);
      }
    }
    agent.destroy();
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  return {
    async stop() {
      isRunning = false;
      await done;
      return result;
    },
  };
}

function ask(url: string, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, { agent }, (response) => {
      response.resume();
      response.once('error', (error) => resolve(error.message));
      response.once('end', () =>
        resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`),
      );
    });
    sent.once('error', (error) => resolve(error.message));
    sent.end();
  });
}
