import type { LoadBalancerRecord } from '../store/load-balancers.ts';
import type { MachineRecord } from '../store/machines.ts';
import type { LatestTotals, ReportedTraffic } from './agent/latest-totals.ts';
import type { Metric } from './metric.ts';

interface Sample {
  labels: Record<string, string>;
  traffic: ReportedTraffic;
}

type Value = (traffic: ReportedTraffic) => number;

const COUNTERS: readonly [name: string, help: string, value: Value][] = [
  ['requests_total', 'Requests; tcp: connections.', ({ totals }) => totals.requests],
  ['received_bytes_total', 'Bytes from clients.', ({ totals }) => totals.bytesIn],
  ['sent_bytes_total', 'Bytes to clients.', ({ totals }) => totals.bytesOut],
  ['denied_total', 'Requests that a rule refused.', ({ totals }) => totals.denied],
  [
    'request_errors_total',
    'Requests that could not be read or were broken off.',
    ({ totals }) => totals.requestErrors,
  ],
  ['connect_errors_total', 'Connections to backends that failed.', ({ totals }) => totals.connectErrors],
  [
    'response_errors_total',
    'Answers of backends that broke off or could not be read.',
    ({ totals }) => totals.responseErrors,
  ],
  ['retries_total', 'Connections to backends that were tried again.', ({ totals }) => totals.retries],
];

/** What passes through each load balancer, as its agents told it last: some seconds old. */
export function trafficMetrics(
  latest: LatestTotals,
  records: readonly Pick<LoadBalancerRecord, 'id' | 'name'>[],
  machines: readonly Pick<MachineRecord, 'id' | 'name'>[],
): Metric[] {
  latest.keepOnly(new Set(records.map(({ id }) => id)));
  const machineNames = new Map(machines.map(({ id, name }) => [id, name]));
  const samples = records.flatMap(({ id, name }) =>
    [...latest.of(id)].map(([machineId, traffic]) => ({
      labels: { load_balancer: name, machine: machineNames.get(machineId) ?? machineId },
      traffic,
    })),
  );
  if (samples.length === 0) return [];
  return [
    ...COUNTERS.map(([name, help, value]) => metric('counter', name, help, samples, value)),
    responses(samples),
    metric('gauge', 'connections', 'Client connections now.', samples, ({ connections }) => connections),
  ];
}

const PREFIX = 'agentmetal_load_balancer_';

function metric(
  type: Metric['type'],
  name: string,
  help: string,
  samples: readonly Sample[],
  value: Value,
): Metric {
  return {
    name: PREFIX + name,
    type,
    help,
    samples: samples.map(({ labels, traffic }) => ({ labels, value: value(traffic) })),
  };
}

function responses(samples: readonly Sample[]): Metric {
  return {
    name: `${PREFIX}responses_total`,
    type: 'counter',
    help: 'Answers by class of status (http).',
    samples: samples.flatMap(({ labels, traffic }) =>
      Object.entries(traffic.totals.responses).map(([code, value]) => ({
        labels: { ...labels, code },
        value,
      })),
    ),
  };
}
