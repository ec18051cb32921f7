import type { BackendStatus, LoadBalancer, NodeStatus } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import { allBackends, poolsOf } from '../../spec/pools-of.ts';
import { formatPorts, portRanges } from '../../spec/port-range.ts';
import { describeHealthCheck } from '../health-check-text.ts';
import { addressTexts, listenerText, placeholderText } from './addresses.ts';
import { formatAge, formatTime } from './age.ts';
import { certificateColumns } from './certificates.ts';
import { dnsColumns } from './dns.ts';
import { routeColumns } from './routes.ts';
import { type Section, renderSections } from './sections.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';
import { accessText, maintenanceText, rateLimitText, stickyText } from './traffic.ts';

/** The columns of what nodes see of backends. */
export function backendStatusColumns(now: number, style: Style): Array<Column<BackendStatus>> {
  return [
    { heading: 'TARGET', cell: ({ target }) => target },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
    { heading: 'SINCE', cell: ({ since }) => formatAge(since, now) },
    { heading: 'MACHINE', cell: ({ machine }) => machine },
    { heading: 'REASON', cell: ({ reason }) => reason },
  ];
}

/** All of a load balancer for people: what is wanted, what is seen, and why. */
export function renderLoadBalancer(lb: LoadBalancer, { now, style }: { now: number; style: Style }): string {
  return renderSections([
    mainSection(lb, now, style),
    { title: 'Routes', table: routeTable(lb) },
    { title: 'Backends', table: backendTable(lb, now, style) },
    { title: 'Nodes', table: nodeTable(lb, style) },
    { title: 'Certificates', table: certificateTable(lb, now, style) },
    { title: 'DNS', table: dnsTable(lb, style) },
    { title: 'Conditions', table: conditionTable(lb) },
  ]);
}

function mainSection(lb: LoadBalancer, now: number, style: Style): Section {
  const { id, name, labels, spec, status, revision, createdAt, updatedAt } = lb;
  const live = status.observedRevision === revision ? 'live' : `live: ${status.observedRevision}`;
  return {
    rows: [
      ['ID', id],
      ['Name', name],
      ['State', { text: status.state, paint: (text) => paintState(style, text) }],
      ['Revision', `${revision} (${live})`],
      ['Addresses', addressTexts(lb).join(', ')],
      ['Listens on', listenerText(lb)],
      ['Certificate', placeholderText(lb)],
      ['Type', spec.type],
      ['VPC', spec.vpc],
      ['Port', spec.ports ? portRanges(spec).map(formatPorts).join(', ') : String(spec.port)],
      ['Algorithm', spec.algorithm],
      ['Health check', describeHealthCheck(spec.healthCheck).replace(/^health check: /, '')],
      ['Sticky', stickyText(spec.sticky)],
      ['Rate limit', rateLimitText(spec)],
      ['Access', accessText(spec)],
      ['Maintenance', maintenanceText(spec)],
      [
        'Domains',
        [spec.tls?.domain, ...(spec.tls?.domains ?? [])].filter((domain) => domain !== undefined).join(', '),
      ],
      ['Uploaded certificate', spec.tls?.certificate ?? ''],
      [
        'Labels',
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(', '),
      ],
      ['Deletion protection', spec.deletionProtection ? 'on' : 'off'],
      ['Created', formatTime(createdAt, now)],
      ['Updated', formatTime(updatedAt, now)],
    ],
  };
}

function routeTable({ spec: { routes } }: LoadBalancer): string {
  return renderTable(routeColumns(), routes, { header: routes.length > 0 });
}

interface BackendRow {
  pool: string;
  backend: Backend;
  seen: BackendStatus | undefined;
}

/** The spec's backends with what is seen of each; one line for each node that sees it. */
function backendTable({ spec, status }: LoadBalancer, now: number, style: Style): string {
  const severalNodes = status.nodes.length > 1;
  const rows = allBackends(spec).flatMap(({ pool, backend }): BackendRow[] => {
    const seen = status.backends.filter((each) => each.pool === pool && each.target === backend.target);
    const row = { pool, backend };
    return seen.length === 0 ? [{ ...row, seen: undefined }] : seen.map((each) => ({ ...row, seen: each }));
  });
  return renderTable(
    [
      { heading: 'TARGET', cell: ({ backend }) => backend.target },
      ...(poolsOf(spec).length > 1 ? [{ heading: 'POOL', cell: ({ pool }: BackendRow) => pool }] : []),
      {
        heading: 'STATE',
        cell: ({ seen }) => seen?.state ?? 'pending',
        paint: (text) => paintState(style, text),
      },
      { heading: 'SINCE', cell: ({ seen }) => (seen ? formatAge(seen.since, now) : '') },
      { heading: 'WEIGHT', cell: ({ backend }) => `${backend.weight}${backend.backup ? ' backup' : ''}` },
      ...(severalNodes ? [{ heading: 'MACHINE', cell: ({ seen }: BackendRow) => seen?.machine ?? '' }] : []),
      { heading: 'REASON', cell: ({ seen }) => seen?.reason ?? '' },
    ],
    rows,
    { header: rows.length > 0 },
  );
}

function nodeTable({ status }: LoadBalancer, style: Style): string {
  const isFloating = status.nodes.some(({ floating }) => floating);
  const role: Column<NodeStatus> = { heading: 'ROLE', cell: roleText };
  return renderTable(
    [
      { heading: 'MACHINE', cell: ({ machine }) => machine },
      { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
      ...(isFloating ? [role] : []),
      { heading: 'ADDRESS', cell: ({ address }) => address },
      { heading: 'REVISION', cell: ({ observedRevision }) => String(observedRevision) },
      {
        heading: 'HAPROXY',
        cell: ({ haproxy }) => (haproxy ? `${haproxy.version}, pid ${haproxy.pid}` : ''),
      },
      { heading: 'AGENT', cell: ({ connected }) => (connected ? 'reports' : 'does not report') },
    ],
    status.nodes,
    { header: status.nodes.length > 0 },
  );
}

function roleText({ floating }: NodeStatus): string {
  if (!floating) return '';
  const { role, addresses = [], isLastResort } = floating;
  const has = addresses.length > 0 ? `${role}: ${addresses.join(', ')}` : role;
  return isLastResort ? `${has} (last resort)` : has;
}

function certificateTable({ status }: LoadBalancer, now: number, style: Style): string {
  return renderTable(certificateColumns(now, style), status.certificates, {
    header: status.certificates.length > 0,
  });
}

function dnsTable({ status }: LoadBalancer, style: Style): string {
  return renderTable(dnsColumns(style, { isWhole: true }), status.dns, { header: status.dns.length > 0 });
}

function conditionTable({ status }: LoadBalancer): string {
  return renderTable(
    [
      { heading: 'CONDITION', cell: ({ type }) => type },
      { heading: 'STATUS', cell: (condition) => condition.status },
      { heading: 'MESSAGE', cell: ({ message }) => message },
    ],
    status.conditions,
    { header: status.conditions.length > 0 },
  );
}
