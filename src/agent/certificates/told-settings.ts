import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CertificateSettings } from '../../api/certificate-settings.ts';
import { messageOf } from '../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { type AcmeSettings, readAcmeSettings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the control plane has told of how certificates are obtained; it lies on the machine's disk for when there is none. */
export interface ToldSettings {
  /** Reads what was told before. */
  load(): Promise<void>;
  /** Takes in what is told now. @returns whether it is something else than before */
  take(told: unknown): Promise<boolean>;
  /** The settings to go by: those of this machine's environment, and what was told where that says nothing. */
  settings(env: Environment): AcmeSettings;
}

/** They belong together: a machine that has one of these of its own goes by its own alone. */
const OF_THE_CA = [
  'AGENTMETAL_ACME_SERVER',
  'AGENTMETAL_ACME_CA_BUNDLE',
  'AGENTMETAL_ACME_EMAIL',
  'AGENTMETAL_ACME_EAB_KID',
  'AGENTMETAL_ACME_EAB_HMAC_KEY_FILE',
] as const;

/** @param folder where it is kept; it holds a secret */
export function createToldSettings(folder: string): ToldSettings {
  const [file, caBundle, hmacKeyFile] = [
    join(folder, 'told.json'),
    join(folder, 'ca.pem'),
    join(folder, 'eab.key'),
  ];
  let told: CertificateSettings = {};

  const keep = async (settings: CertificateSettings) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const put = (path: string, text: string | undefined) =>
      text === undefined ? rm(path, { force: true }) : writeFileAtomic(path, text);
    await put(caBundle, settings.caBundle);
    await put(hmacKeyFile, settings.eab && `${settings.eab.hmacKey}\n`);
    await writeFileAtomic(file, JSON.stringify(settings));
  };
  const caVariables = ({ server, email, eab, caBundle: roots }: CertificateSettings): Environment => ({
    AGENTMETAL_ACME_SERVER: server,
    AGENTMETAL_ACME_EMAIL: email,
    ...(roots === undefined ? {} : { AGENTMETAL_ACME_CA_BUNDLE: caBundle }),
    ...(eab ? { AGENTMETAL_ACME_EAB_KID: eab.kid, AGENTMETAL_ACME_EAB_HMAC_KEY_FILE: hmacKeyFile } : {}),
  });

  return {
    async load() {
      try {
        const text = await readTextIfExists(file);
        if (text !== undefined) told = CertificateSettings.parse(JSON.parse(text));
      } catch (error) {
        // Without it another CA would be asked than the operator's.
        told = { fault: `${file} cannot be read: ${messageOf(error)}` };
      }
    },
    async take(given) {
      const read = CertificateSettings.safeParse(given);
      const next = read.success
        ? read.data
        : { fault: `the control plane’s settings cannot be read: ${read.error.message}` };
      if (isDeepStrictEqual(next, told)) return false;
      try {
        await keep(next);
        told = next;
      } catch (error) {
        // Not fit to be used; they are tried again with the next orders.
        told = { fault: `the control plane’s settings cannot be kept: ${messageOf(error)}` };
      }
      return true;
    },
    settings(env) {
      const own = Object.fromEntries(Object.entries(env).filter(([, value]) => value));
      const isOwn = OF_THE_CA.some((name) => own[name] !== undefined);
      const settings = readAcmeSettings({
        ...(isOwn ? {} : caVariables(told)),
        AGENTMETAL_RESOLVER: told.resolver,
        AGENTMETAL_ACME_PREFLIGHT: told.preflight === false ? 'off' : undefined,
        ...own,
      });
      return told.fault === undefined || isOwn ? settings : { ...settings, fault: told.fault };
    },
  };
}
