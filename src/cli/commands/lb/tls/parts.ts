import { readText } from '../../../documents.ts';
import { usageError } from '../../../failure.ts';
import { given } from '../../../flags.ts';
import type { CliIo } from '../../../io.ts';

export interface HstsOptions {
  hsts?: boolean | undefined;
  hstsMaxAge?: string | undefined;
  hstsSubdomains?: boolean | undefined;
  hstsPreload?: boolean | undefined;
}

/** What the flags change of HSTS; nothing when none is given. */
export function hstsPatch({
  hsts,
  hstsMaxAge: maxAge,
  hstsSubdomains: includeSubDomains,
  hstsPreload: preload,
}: HstsOptions): { hsts?: object | boolean | null } {
  const settings = given({ maxAge, includeSubDomains, preload });
  const isAmended = Object.keys(settings).length > 0;
  if (hsts === false) {
    if (isAmended) throw usageError('--no-hsts goes with no other flag of HSTS');
    return { hsts: null };
  }
  if (isAmended) return { hsts: settings };
  return hsts === true ? { hsts: {} } : {};
}

export interface ClientCaOptions {
  clientCa?: string | undefined;
  clientRevocationLists?: string | undefined;
  clientVerify?: string | undefined;
  clearClientCa: boolean;
}

/** What the flags change of client certificates; nothing when none is given. */
export async function clientCaPatch(
  { clientCa, clientRevocationLists, clientVerify: verify, clearClientCa }: ClientCaOptions,
  io: Pick<CliIo, 'stdin'>,
): Promise<{ clientCa?: object | null }> {
  const read = (file: string | undefined) => (file === undefined ? undefined : readText(file, io));
  const settings = given({
    certificates: await read(clientCa),
    revocationLists: await read(clientRevocationLists),
    verify,
  });
  const isAmended = Object.keys(settings).length > 0;
  if (clearClientCa && isAmended)
    throw usageError('--clear-client-ca goes with no other flag of client certificates');
  if (clearClientCa) return { clientCa: null };
  return isAmended ? { clientCa: settings } : {};
}
