import type { Progress } from '../../../output/progress.ts';

const TERMS =
  'By naming a domain you agree to the terms of Let’s Encrypt (https://letsencrypt.org/repository/), or of the certificate authority that the operator has set by AGENTMETAL_ACME_SERVER. Who agreed and when is kept with the revision.';

/** Names the terms that whoever names a domain agrees to. */
export function tellTerms(progress: Progress): void {
  progress.note(TERMS);
}
