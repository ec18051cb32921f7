import { readFile } from 'node:fs/promises';
import type { CertificateSettings } from '../../api/certificate-settings.ts';
import { messageOf } from '../../base/errors.ts';
import { parseIp } from '../../spec/address.ts';
import { parseNameServer } from '../../spec/vpc.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings for certificates of the control plane's own environment, with what the files in it hold, for its machines.
 * What cannot be used is told by `fault`, so that machines say so: they judge the rest as they judge their own.
 * @param resolver name server, `ip:port`, that the control plane itself asks; undefined for the system's
 */
export async function readCertificateSettings(
  env: Environment,
  resolver: string | undefined,
): Promise<CertificateSettings> {
  const given = (name: string) => env[`AGENTMETAL_ACME_${name}`] || undefined;
  const [server, email, kid, preflight] = ['SERVER', 'EMAIL', 'EAB_KID', 'PREFLIGHT'].map(given);
  const common = {
    ...(server === undefined ? {} : { server }),
    ...(email === undefined ? {} : { email }),
    ...(resolver === undefined || isOnThisMachine(resolver) ? {} : { resolver }),
  };
  if (preflight !== undefined && preflight !== 'on' && preflight !== 'off')
    return { ...common, fault: `AGENTMETAL_ACME_PREFLIGHT is neither on nor off: ${preflight}` };
  try {
    const caBundle = await textOf('AGENTMETAL_ACME_CA_BUNDLE', given('CA_BUNDLE'));
    const hmacKey = await textOf('AGENTMETAL_ACME_EAB_HMAC_KEY_FILE', given('EAB_HMAC_KEY_FILE'));
    if ((kid === undefined) !== (hmacKey === undefined))
      return {
        ...common,
        fault: 'AGENTMETAL_ACME_EAB_KID and AGENTMETAL_ACME_EAB_HMAC_KEY_FILE go together',
      };
    return {
      ...common,
      ...(preflight === 'off' ? { preflight: false } : {}),
      ...(caBundle === undefined ? {} : { caBundle }),
      ...(kid === undefined || hmacKey === undefined ? {} : { eab: { kid, hmacKey: hmacKey.trim() } }),
    };
  } catch (error) {
    return { ...common, fault: `on the control plane, ${messageOf(error)}`.slice(0, 2000) };
  }
}

async function textOf(name: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** A name server on loopback is another one on another machine. */
function isOnThisMachine(resolver: string): boolean {
  return parseIp(parseNameServer(resolver)?.address ?? '')?.range() === 'loopback';
}
