import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTextIfExists } from '../../host/files.ts';

/** What switches to another agent, on machines that were made ready with it. */
const SWITCH = '/opt/agentmetal/upgrade';
/** The folder of this agent, in which a bundle has its version. */
const ROOT = join(import.meta.dirname, '../../..');

/** The version of the bundle that this agent runs from; undefined where it runs from none, or nothing could switch. */
export async function upgradableVersion(): Promise<string | undefined> {
  if (!existsSync(SWITCH)) return undefined;
  return (await readTextIfExists(join(ROOT, 'VERSION')))?.trim() || undefined;
}
