import { VERSION } from '../base/version.ts';
import { listLoadBalancers } from '../store/load-balancers.ts';
import { listMachines } from '../store/machines.ts';
import { countRevisions } from '../store/revisions.ts';
import type { ServerContext } from './context.ts';
import { observe } from './load-balancers/read.ts';
import { certificateMetrics } from './certificates/metrics.ts';
import { loadBalancerStatus } from './status/status.ts';
import { type Metric, gauge } from './metric.ts';
import { trafficMetrics } from './traffic-metrics.ts';

const STATES = ['pending', 'active', 'degraded', 'error'] as const;
const BACKEND_STATES = ['up', 'down', 'draining', 'checking', 'maintenance', 'unresolved'] as const;

/** The control plane's own numbers, and what its agents last told of the traffic, in Prometheus' text format. */
export async function renderMetrics(context: ServerContext): Promise<string> {
  const now = context.clock.now();
  const { records, statuses, machines, revisions } = await context.store.transaction(async (tx) => {
    const records = await listLoadBalancers(tx, '', 100_000);
    const observations = await observe(tx, records, now);
    return {
      records,
      statuses: observations.map(loadBalancerStatus),
      machines: await listMachines(tx),
      revisions: await countRevisions(tx),
    };
  });
  const states = statuses.map(({ state }) => state);
  const backends = statuses.flatMap((status) => status.backends.map(({ state }) => state));
  const metrics: Metric[] = [
    gauge('agentmetal_build_info', 'Version of the control plane.', [
      { labels: { version: VERSION }, value: 1 },
    ]),
    gauge('agentmetal_load_balancers', 'Load balancers by state.', countBy(states, STATES)),
    gauge('agentmetal_backends', 'Backends by state.', countBy(backends, BACKEND_STATES)),
    ...certificateMetrics(context.orderFailures, records, statuses),
    gauge('agentmetal_revisions', 'Revisions kept.', [{ value: revisions }]),
    gauge(
      'agentmetal_agent_last_seen_timestamp_seconds',
      'When the agent of a machine last reported; 0 for never.',
      machines.map(({ name, lastReportAt }) => ({
        labels: { machine: name },
        value: lastReportAt === null ? 0 : Date.parse(lastReportAt) / 1000,
      })),
    ),
    gauge('process_resident_memory_bytes', 'Memory of the process.', [{ value: process.memoryUsage.rss() }]),
    {
      name: 'process_cpu_seconds_total',
      type: 'counter',
      help: 'CPU time.',
      samples: [{ value: cpuSeconds() }],
    },
    ...trafficMetrics(context.totals, records, machines),
  ];
  return metrics.map(renderMetric).join('');
}

function countBy(values: readonly string[], names: readonly string[]): Metric['samples'] {
  return names.map((state) => ({
    labels: { state },
    value: values.filter((value) => value === state).length,
  }));
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

function renderMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ labels = {}, value }) => `${name}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function renderLabels(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
