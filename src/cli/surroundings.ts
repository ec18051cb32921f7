import { resolveConnection } from './connection.ts';
import { contextFilePath, writeContext } from './context.ts';
import type { Environment } from './io.ts';

/** The context that `agentmetal up` saves at its first start. */
const LOCAL_CONTEXT = 'local';

/** How a control plane on this machine makes itself known to the commands of this user. */
export function contextSurroundings(env: Environment) {
  return {
    /** Saves the key. @returns the file that holds it now. */
    async saveContext(url: string, key: string, caFile?: string): Promise<string> {
      await writeContext(env, { name: LOCAL_CONTEXT, url, key, ...(caFile === undefined ? {} : { caFile }) });
      return contextFilePath(env);
    },
    /** The key that the next command would use there. */
    async knownKey(url: string): Promise<string | undefined> {
      const options = { url, apiKeyFile: undefined, context: undefined };
      return (await resolveConnection(options, env)).key;
    },
  };
}
