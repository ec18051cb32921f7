import type { CertificateStatus } from '../../api/certificates.ts';
import type { LoadBalancerStatus } from '../../api/load-balancer.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { type Metric, gauge } from '../metric.ts';
import type { OrderFailures } from './order-failures.ts';

type Samples = Metric['samples'];
interface Shown {
  labels: { load_balancer: string; domain: string };
  status: CertificateStatus;
}

const PREFIX = 'agentmetal_certificate_';
const ALERTS = ['none', 'warning', 'critical'] as const;

/** How it stands with each domain's certificate, for who alarms by numbers. */
export function certificateMetrics(
  failures: OrderFailures,
  records: readonly Pick<LoadBalancerRecord, 'id' | 'name'>[],
  statuses: readonly Pick<LoadBalancerStatus, 'certificates'>[],
): Metric[] {
  failures.keepOnly(new Set(records.map(({ id }) => id)));
  const shown = statuses.flatMap(({ certificates }, index): Shown[] =>
    certificates
      .filter(({ state }) => state !== 'unused')
      .map((status) => ({
        labels: { load_balancer: records[index]?.name ?? '', domain: status.domain },
        status,
      })),
  );
  const moments = (read: (status: CertificateStatus) => string | undefined): Samples =>
    shown.flatMap(({ labels, status }) => {
      const time = read(status);
      return time === undefined ? [] : [{ labels, value: Date.parse(time) / 1000 }];
    });
  return [
    gauge(
      `${PREFIX}not_after_timestamp_seconds`,
      'When the certificate that is served for a domain ends.',
      moments(({ notAfter }) => notAfter),
    ),
    gauge(
      `${PREFIX}next_renewal_timestamp_seconds`,
      'When the next certificate is ordered, or the next try is made.',
      moments(({ nextRenewalAt }) => nextRenewalAt),
    ),
    gauge(
      `${PREFIX}last_attempt_timestamp_seconds`,
      'When the CA was last asked, or would have been if nothing had spoken against it.',
      moments(({ lastAttemptAt }) => lastAttemptAt),
    ),
    gauge(
      `${PREFIX}alert`,
      'Whether somebody should look: 0 no, 1 when there is time, 2 at once.',
      shown.map(({ labels, status }) => ({ labels, value: ALERTS.indexOf(status.alert) })),
    ),
    {
      name: `${PREFIX}renewal_failures_total`,
      type: 'counter',
      help: 'Orders that have failed, as told since the control plane started.',
      samples: records.flatMap(({ id, name }) =>
        [...failures.of(id)].map(([domain, value]) => ({ labels: { load_balancer: name, domain }, value })),
      ),
    },
  ];
}
