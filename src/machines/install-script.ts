import { X509Certificate, createHash } from 'node:crypto';
import type { Provisioning } from './provision.ts';
import { agent } from './steps/agent.ts';
import { credentials } from './steps/credentials.ts';
import { download } from './steps/download.ts';
import { enrolment } from './steps/enrolment.ts';
import { HINTS } from './steps/fault.ts';
import { packages } from './steps/packages.ts';
import { type Step, composeForPeople } from './steps/script.ts';
import { service } from './steps/service.ts';
import { system } from './steps/system.ts';

const STEPS: readonly Step[] = [system, packages, download, agent, credentials, service, enrolment];

/**
 * The script that makes a machine ready which the control plane cannot log in to, to be run there by `sh` as root. It does
 * the same steps, and may be run again after whatever went wrong, as long as its token is good.
 */
export function installScript(order: Provisioning['agent']): string {
  const { url, certificate, token, machine } = order;
  return composeForPeople(STEPS, HINTS, {
    url,
    certificate,
    token,
    machine,
    pin: pinOf(certificate),
    // Known when the bundle is there.
    version: '',
    architecture: process.arch,
  });
}

/** The pin of a certificate's public key (RFC 7469), as curl takes it. */
function pinOf(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(key).digest('base64')}`;
}
