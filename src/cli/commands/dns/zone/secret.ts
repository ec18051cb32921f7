import { readText } from '../../../documents.ts';
import { usageError } from '../../../failure.ts';
import { readSecret } from '../../../prompt.ts';
import type { CliContext } from '../../../session.ts';

/** Environment variable with the credential of a zone. */
const VARIABLE = 'AGENTMETAL_DNS_SECRET';

/** The credential of a zone: from a file or stdin, else the environment, else asked for on a terminal. */
export async function readZoneSecret(
  { io, progress }: CliContext,
  zone: string,
  file: string | undefined,
): Promise<string> {
  const secret = await read();
  if (secret !== '') return secret;
  throw usageError(`the credential of ${zone} is empty`);

  async function read(): Promise<string> {
    if (file !== undefined) return (await readText(file, io)).trim();
    const set = io.env[VARIABLE];
    if (set !== undefined) return set.trim();
    if (!io.stdin.isTTY) {
      throw usageError('no credential is given', `Add --secret-file FILE (- is stdin), or set ${VARIABLE}`);
    }
    progress.stop();
    return readSecret(io, `Credential of ${zone} (nothing is shown): `);
  }
}
