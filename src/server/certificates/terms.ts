import type { CertificateAuthority, TermsAgreement } from '../../api/certificates.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { coversHost, domainsOf } from '../../spec/tls.ts';
import { certificatesOf } from '../../store/certificates.ts';
import { tellEvents } from '../../store/events.ts';
import { type MachineRecord, findMachine } from '../../store/machines.ts';
import { machineIdsOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import {
  type AgreementRecord,
  agreementsOf,
  completeAgreement,
  insertAgreement,
  openAgreements,
} from '../../store/terms-agreements.ts';
import { ofMachine } from '../events/resource.ts';

/** Somebody who names the domains of a load balancer. */
export interface Naming {
  id: string;
  spec: Pick<LoadBalancerSpec, 'tls'>;
  author: string;
  now: number;
}

/** Notes that naming domains is agreeing to the terms of the CA that is asked for them; the same is noted once. */
export async function keepAgreement(tx: Tx, { id, spec, author, now }: Naming): Promise<void> {
  if (!(await isOrdered(tx, id, spec))) return;
  const { directory = '', termsOfService: terms = '' } = (await authorityOf(tx, id)) ?? {};
  const known = await agreementsOf(tx, id);
  const isKnown = known.some(
    (each) => each.directory === directory && (each.terms === terms || terms === '' || each.terms === ''),
  );
  if (isKnown) return;
  const agreedAt = new Date(now).toISOString();
  await insertAgreement(tx, { loadBalancerId: id, directory, terms, agreedBy: author, agreedAt });
}

/** Whether a CA is asked for any of the domains: what an uploaded certificate is for is not ordered. */
async function isOrdered(tx: Tx, id: string, { tls }: Naming['spec']): Promise<boolean> {
  if (!tls || tls.mode === 'passthrough') return false;
  const upload = (await certificatesOf(tx, [id])).find(({ name }) => name === tls.certificate);
  const names = upload?.facts.names ?? [];
  return domainsOf(tls).some((domain) => !names.some((name) => coversHost(name, domain)));
}

async function authorityOf(tx: Tx, loadBalancerId: string): Promise<CertificateAuthority | null> {
  const [machineId] = await machineIdsOf(tx, loadBalancerId);
  return (machineId === undefined ? undefined : await findMachine(tx, machineId))?.authority ?? null;
}

/** Takes in which CA a machine orders from: what was agreed to is known then, and that the CA has other terms now. */
export async function keepAuthority(
  tx: Tx,
  machine: MachineRecord,
  authority: CertificateAuthority | undefined,
  now: number,
): Promise<void> {
  const { directory, termsOfService: terms } = authority ?? {};
  if (directory === undefined || terms === undefined || terms === machine.authority?.termsOfService) return;
  for (const agreement of await openAgreements(tx, machine.id)) {
    if (agreement.directory !== '' && agreement.directory !== directory) continue;
    const others = await agreementsOf(tx, agreement.loadBalancerId);
    if (others.some((each) => each.directory === directory && each.terms === terms)) continue;
    await completeAgreement(tx, agreement, { directory, terms });
  }
  const { authority: before } = machine;
  if (before?.directory !== directory || before.termsOfService === undefined) return;
  const message = `the CA ${directory} has new terms: ${terms}. Before they were ${before.termsOfService}. Certificates are renewed as long as it allows; to agree, name the domains again: agentmetal lb tls set NAME --domain DOMAIN`;
  const details = { directory, termsOfService: terms, previousTermsOfService: before.termsOfService };
  await tellEvents(
    tx,
    [
      {
        type: 'certificate.terms_changed',
        severity: 'warning',
        resource: ofMachine(machine),
        subject: terms,
        message,
        details,
      },
    ],
    now,
  );
}

/** Who has agreed to what, the newest first. */
export async function agreementViews(tx: Tx, loadBalancerId: string): Promise<TermsAgreement[]> {
  const authority = await authorityOf(tx, loadBalancerId);
  return (await agreementsOf(tx, loadBalancerId))
    .toReversed()
    .map((agreement) => agreementView(agreement, authority));
}

function agreementView(
  { directory, terms, agreedBy, agreedAt }: AgreementRecord,
  authority: CertificateAuthority | null,
): TermsAgreement {
  const now = authority?.directory === directory ? authority.termsOfService : undefined;
  return {
    ...(directory === '' ? {} : { directory }),
    ...(terms === '' ? {} : { termsOfService: terms }),
    agreedBy,
    agreedAt,
    isCurrent:
      (directory === '' || directory === authority?.directory) &&
      (terms === '' || now === undefined || now === terms),
  };
}
