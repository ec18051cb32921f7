import { existsSync } from 'node:fs';
import { findProgram } from '../../host/exec.ts';
import { parseNameServer } from '../../spec/vpc.ts';

/** How certificates are obtained on this machine; the operator's settings, by environment. */
export interface AcmeSettings {
  /** Directory of the CA (RFC 8555). Default: Let's Encrypt's production. `AGENTMETAL_ACME_SERVER` */
  server: string;
  /** File with the root of a private CA, PEM. Default: none, the system's roots. `AGENTMETAL_ACME_CA_BUNDLE` */
  caBundle?: string | undefined;
  /** Mail address of the account. Default: none. `AGENTMETAL_ACME_EMAIL` */
  email?: string | undefined;
  /** Binds the account to one that the operator has with the CA. Default: none. `AGENTMETAL_ACME_EAB_*` */
  eab?: ExternalAccount | undefined;
  /** Name server (`ip:port`) that is asked before the CA is. Default: the system's. `AGENTMETAL_RESOLVER` */
  resolver?: string | undefined;
  /** Whether to ask ourselves before the CA is asked. Default: true. `AGENTMETAL_ACME_PREFLIGHT=off` turns it off. */
  preflight: boolean;
  /** certbot's program. Default: the one that the system has. `AGENTMETAL_CERTBOT` */
  certbot: string;
  /** What of the settings cannot be used, in words; no CA is asked then. */
  fault?: string | undefined;
}

export interface ExternalAccount {
  kid: string;
  /** File with the HMAC key, base64url: no secret belongs in the environment of many processes. */
  hmacKeyFile: string;
}

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings. What cannot be used is told by `fault`, for load balancers are served all the same. */
export function readAcmeSettings(env: Environment): AcmeSettings {
  const given = (name: string) => env[name] || undefined;
  const kid = given('AGENTMETAL_ACME_EAB_KID');
  const hmacKeyFile = given('AGENTMETAL_ACME_EAB_HMAC_KEY_FILE');
  const settings: AcmeSettings = {
    server: given('AGENTMETAL_ACME_SERVER') ?? LETS_ENCRYPT,
    caBundle: given('AGENTMETAL_ACME_CA_BUNDLE'),
    email: given('AGENTMETAL_ACME_EMAIL'),
    resolver: given('AGENTMETAL_RESOLVER'),
    preflight: given('AGENTMETAL_ACME_PREFLIGHT') !== 'off',
    certbot: given('AGENTMETAL_CERTBOT') ?? findProgram('certbot'),
    ...(kid !== undefined && hmacKeyFile !== undefined ? { eab: { kid, hmacKeyFile } } : {}),
  };
  if ((kid === undefined) !== (hmacKeyFile === undefined))
    return {
      ...settings,
      fault: 'AGENTMETAL_ACME_EAB_KID and AGENTMETAL_ACME_EAB_HMAC_KEY_FILE go together',
    };
  return { ...settings, fault: faultOf(settings, given('AGENTMETAL_ACME_PREFLIGHT')) };
}

function faultOf(
  { server, caBundle, email, resolver, eab }: AcmeSettings,
  preflight: string | undefined,
): string | undefined {
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:')
    return `AGENTMETAL_ACME_SERVER is not an https:// address: ${server}`;
  if (caBundle !== undefined && !existsSync(caBundle))
    return `AGENTMETAL_ACME_CA_BUNDLE: there is no file ${caBundle}`;
  if (email !== undefined && !/^[^@\s-][^@\s]*@[^@\s]+$/.test(email))
    return `AGENTMETAL_ACME_EMAIL is not a mail address: ${email}`;
  if (resolver !== undefined && !parseNameServer(resolver))
    return `AGENTMETAL_RESOLVER is not an address such as 10.0.0.53:53: ${resolver}`;
  // It is a line of certbot's configuration.
  if (eab && !/^[\x21-\x7e]+$/.test(eab.kid)) return 'AGENTMETAL_ACME_EAB_KID holds blanks';
  if (eab && !existsSync(eab.hmacKeyFile))
    return `AGENTMETAL_ACME_EAB_HMAC_KEY_FILE: there is no file ${eab.hmacKeyFile}`;
  if (preflight !== undefined && preflight !== 'off' && preflight !== 'on')
    return `AGENTMETAL_ACME_PREFLIGHT is neither on nor off: ${preflight}`;
  return undefined;
}
