import type { CertificateAuthority } from '../../../../api/certificates.ts';
import { listMachines } from '../../../resources.ts';
import type { CliContext } from '../../../session.ts';

const LETS_ENCRYPT_HOST = /(^|\.)letsencrypt\.org$/;
const LETS_ENCRYPT = 'Let’s Encrypt (https://letsencrypt.org/repository/)';

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

/** A CA with its terms, as far as they are known. */
export function termsText({ directory, termsOfService }: CertificateAuthority): string {
  const host = URL.canParse(directory) ? new URL(directory).hostname : directory;
  const isLetsEncrypt = LETS_ENCRYPT_HOST.test(host);
  if (termsOfService !== undefined) return `${isLetsEncrypt ? 'Let’s Encrypt' : host} (${termsOfService})`;
  return isLetsEncrypt ? LETS_ENCRYPT : `${host}, which has named none so far`;
}
