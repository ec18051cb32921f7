import type { Finding } from './reason.ts';

/** What one name server says of a TXT value. */
export interface TxtSighting {
  /** Who it is, for the words. */
  server: string;
  /** `silent`: it does not answer, or does not serve the zone. Whoever asks it goes on to another one. */
  outcome: 'shows' | 'lacks' | 'silent';
}

/**
 * Why a CA might not see a TXT value; undefined when it will, whichever of the servers it asks.
 * @param name of the record
 */
export function judgeVisibility(name: string, sightings: readonly TxtSighting[]): Finding | undefined {
  const of = (outcome: TxtSighting['outcome']) => sightings.filter((one) => one.outcome === outcome);
  const [lacking, silent] = [of('lacks'), of('silent')];
  if (lacking.length === 0 && of('shows').length > 0) return undefined;
  const said = [
    ...lacking.map(({ server }) => `${server} does not show it`),
    ...silent.map(({ server }) => `${server} does not answer`),
  ];
  return { code: 'txt_not_visible', detail: `${name}: ${said.join('; ').slice(0, 300)}` };
}

/** What a server says that answers at several addresses: what one lacks may be what the CA meets. */
export function worstOf(outcomes: readonly TxtSighting['outcome'][]): TxtSighting['outcome'] {
  if (outcomes.includes('lacks')) return 'lacks';
  return outcomes.includes('shows') ? 'shows' : 'silent';
}
