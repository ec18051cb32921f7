import { listMachines } from '../../../resources.ts';
import { LETS_ENCRYPT, termsText } from '../../../terms-text.ts';
import type { CliContext } from '../../../session.ts';

/** Names the terms that whoever names a domain agrees to: those of the CA that the machines ask. */
export async function tellTerms({ api, progress }: CliContext): Promise<void> {
  const machines = await listMachines(await api());
  const authorities = machines.flatMap(({ authority }) => authority ?? []);
  const named = [...new Set(authorities.map(termsText))];
  const terms =
    named.length > 0
      ? named.join(', and of ')
      : `${LETS_ENCRYPT}, unless AGENTMETAL_ACME_SERVER names another`;
  progress.note(
    `By naming a domain you agree to the terms of ${terms}. Who agreed and when is kept: agentmetal lb tls show`,
  );
}
