import type { FieldError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { certificatesOf, findCertificate } from '../../store/certificates.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { validationError } from '../http/read-request.ts';

/** Sees that an uploaded certificate is there where a change names one that was not named before. */
export async function requireNamedUpload(
  tx: Tx,
  before: LoadBalancerRecord,
  { tls }: Pick<LoadBalancerSpec, 'tls'>,
  locate: (error: FieldError) => FieldError = (error) => error,
): Promise<void> {
  const name = tls?.certificate;
  if (name === undefined || name === before.spec.tls?.certificate) return;
  if (await findCertificate(tx, before.id, name)) return;
  const detail = `${before.name} has no uploaded certificate ${shorten(name)}`;
  const names = (await certificatesOf(tx, [before.id])).map((each) => each.name).join(', ');
  throw validationError(
    [locate({ pointer: '/spec/tls/certificate', code: 'unknown_certificate', detail })],
    names
      ? `There are: ${names}.`
      : `Upload it: agentmetal lb tls upload ${before.name} --certificate ${name} --cert FILE --key FILE`,
  );
}
