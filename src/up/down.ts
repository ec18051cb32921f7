import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { detectLayout } from '../agent/layout.ts';
import { systemCode } from '../base/errors.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { acquireLock } from '../host/lock.ts';
import { findMaster, stopMaster } from '../haproxy/process/master.ts';

/** Ends the HAProxy of every load balancer of a data directory. What is wanted stays: the next start serves it again. */
export async function runDown(dataDirOption: string, print: (line: string) => void): Promise<number> {
  const dataDir = join(resolve(dataDirOption), 'agent');
  const layout = detectLayout(dataDir);
  const ids = await readdir(layout.directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  if (ids.length === 0) {
    print('No load balancer has run here.');
    return 0;
  }
  // A running agent would start them again at once.
  const release = await acquireLock(join(dataDir, 'agent.pid'), {
    role: 'agent',
    what: `the agent of ${dataDir}`,
    hint: 'End `agentmetal up` first (Ctrl-C), or its agent would start the load balancers again.',
    patienceMs: 0,
  });
  let count = 0;
  for (const id of ids) {
    const paths = servicePaths(id, layout);
    const masterPid = await findMaster(paths);
    if (masterPid === undefined) continue;
    await stopMaster(masterPid, paths);
    count += 1;
  }
  await release();
  print(`Stopped ${count} of ${ids.length} load balancers. \`agentmetal up\` serves them again.`);
  return 0;
}
