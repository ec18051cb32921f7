import type { Selectable } from 'kysely';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/** That somebody has agreed to the terms of a CA by naming a domain. */
export interface AgreementRecord {
  loadBalancerId: string;
  /** Directory of the CA; empty while no agent has told from which one it orders. */
  directory: string;
  /** The terms as the CA names them; empty while that is not known. */
  terms: string;
  /** Name of the API key with which the domain was named. */
  agreedBy: string;
  agreedAt: string;
}

export async function insertAgreement(tx: Tx, agreement: AgreementRecord): Promise<void> {
  await tx.insertInto('terms_agreements').values(toRow(agreement)).execute();
}

/** Agreements of a load balancer, the oldest first. */
export async function agreementsOf(tx: Tx, loadBalancerId: string): Promise<AgreementRecord[]> {
  const rows = await tx
    .selectFrom('terms_agreements')
    .selectAll()
    .where('load_balancer_id', '=', loadBalancerId)
    .orderBy('agreed_at')
    .execute();
  return rows.map(fromRow);
}

/** Those of the load balancers of a machine of which it is not known yet what was agreed to. */
export async function openAgreements(tx: Tx, machineId: string): Promise<AgreementRecord[]> {
  const rows = await tx
    .selectFrom('terms_agreements')
    .selectAll()
    .where('terms', '=', '')
    .where('load_balancer_id', 'in', (from) =>
      from.selectFrom('nodes').select('load_balancer_id').where('machine_id', '=', machineId),
    )
    .execute();
  return rows.map(fromRow);
}

/** Says of an agreement what it was to. */
export async function completeAgreement(
  tx: Tx,
  { loadBalancerId, directory, terms }: AgreementRecord,
  known: Pick<AgreementRecord, 'directory' | 'terms'>,
): Promise<void> {
  await tx
    .updateTable('terms_agreements')
    .set(known)
    .where('load_balancer_id', '=', loadBalancerId)
    .where('directory', '=', directory)
    .where('terms', '=', terms)
    .execute();
}

function toRow(agreement: AgreementRecord): Selectable<Database['terms_agreements']> {
  const { loadBalancerId, directory, terms, agreedBy, agreedAt } = agreement;
  return { load_balancer_id: loadBalancerId, directory, terms, agreed_by: agreedBy, agreed_at: agreedAt };
}

function fromRow(row: Selectable<Database['terms_agreements']>): AgreementRecord {
  return {
    loadBalancerId: row.load_balancer_id,
    directory: row.directory,
    terms: row.terms,
    agreedBy: row.agreed_by,
    agreedAt: row.agreed_at,
  };
}
