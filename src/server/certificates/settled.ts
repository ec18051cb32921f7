import type { CertificateRecord, CertificateReportRecord } from '../../store/certificates.ts';

/** Whether each machine has said of an uploaded certificate that it serves it, or that it cannot. */
export function bundleSettled(
  { name, facts }: CertificateRecord,
  machineIds: readonly string[],
  reports: readonly CertificateReportRecord[],
): boolean {
  return machineIds.every((machineId) => {
    const own = reports.find((each) => each.machineId === machineId)?.reports ?? [];
    return own.some(
      ({ source, certificate, serial, reasonCode }) =>
        source === 'uploaded' &&
        (reasonCode === 'not_servable' || (certificate === name && serial === facts.serial)),
    );
  });
}
