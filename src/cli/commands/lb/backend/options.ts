import type { Backend, BackendTls } from '../../../../spec/backend.ts';
import type { OptionValues, Options } from '../../../command.ts';
import { readText } from '../../../documents.ts';
import { given } from '../../../flags.ts';
import type { CliIo } from '../../../io.ts';

/** The settings of a backend as flags. */
export const SETTING_OPTIONS = {
  weight: { value: 'N', integer: true, summary: 'Share of new traffic, 0 to 256; 0 takes no new clients' },
  maxConnections: {
    value: 'N',
    integer: true,
    summary: 'Connections at once before requests wait; 0 is no limit',
  },
} as const satisfies Options;

/** How a backend is spoken to. */
export const TLS_OPTIONS = {
  tlsCaFile: {
    value: 'FILE',
    summary: 'CA that its certificate must come from, in PEM; else those that the machine trusts',
    completes: 'file',
  },
  tlsServerName: {
    value: 'NAME',
    summary: 'Name to ask for (SNI), which the certificate must be for; else the target’s host',
  },
  tlsVerify: { negatable: true, summary: 'Whether its certificate must be good (the default)' },
} as const satisfies Options;

/** The settings that were given. */
export function givenSettings(options: {
  [K in keyof Omit<Backend, 'target'>]?: Backend[K] | undefined;
}): Partial<Backend> {
  const { weight, backup, maxConnections, drain, sendProxy } = options;
  return given({ weight, backup, maxConnections, drain, sendProxy });
}

/** What is said about TLS to a backend; undefined when nothing is. Any of the flags turns it on. */
export async function readTls(
  options: OptionValues<typeof TLS_OPTIONS> & { tls?: boolean | undefined },
  io: Pick<CliIo, 'stdin'>,
): Promise<Partial<BackendTls> | undefined> {
  const { tls, tlsCaFile, tlsServerName, tlsVerify } = options;
  const ca = tlsCaFile === undefined ? undefined : await readText(tlsCaFile, io);
  const fields = given({ verify: tlsVerify, serverName: tlsServerName, ca });
  return tls === true || Object.keys(fields).length > 0 ? fields : undefined;
}
