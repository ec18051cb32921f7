import { AppError } from '../../base/errors.ts';
import { openProvider } from '../../dns/open.ts';
import { DnsFault, type DnsProvider, type ProviderContext } from '../../dns/provider.ts';
import { DnsZoneSpec } from '../../spec/dns-zone.ts';
import type { DnsZoneRecord } from '../../store/dns-zones.ts';
import type { Sealer } from '../sealing.ts';

/** Opens the providers of zones, and keeps them open until their zone changes. */
export interface ZoneProviders {
  of(zone: Pick<DnsZoneRecord, 'id' | 'name' | 'sealed' | 'revision'>): Promise<DnsProvider>;
  /** One that is not kept, of a zone that is not stored yet. */
  try(name: string, spec: DnsZoneSpec): Promise<DnsProvider>;
}

export function createZoneProviders(sealer: Sealer, context: ProviderContext): ZoneProviders {
  const open = new Map<string, { revision: number; provider: Promise<DnsProvider> }>();
  return {
    of({ id, name, sealed, revision }) {
      const known = open.get(id);
      if (known?.revision === revision) return known.provider;
      const spec = DnsZoneSpec.parse(JSON.parse(sealer.open(sealed)));
      const provider = openProvider(name, spec, context);
      open.set(id, { revision, provider });
      return provider;
    },
    try: (name, spec) => openProvider(name, spec, context),
  };
}

/** What a provider did not do, as an answer of the API. Anything else is passed on. */
export async function orProviderFailed<T>(zone: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DnsFault)) throw error;
    throw new AppError('dns_provider_failed', `the zone ${zone}: ${error.message}`, {
      hint: HINTS[error.kind],
      cause: error,
    });
  }
}

const HINTS: Record<DnsFault['kind'], string> = {
  refused: 'Check the credential, and what it may do, at the provider.',
  no_zone: 'Check the zone’s name, and that the credential belongs to the account or server that has it.',
  unreachable: 'Check the address, and that the control plane’s host may connect to it.',
  conflict: 'Somebody else changed the same records just now: try again.',
  failed: 'See what the provider said.',
};
