import type { Condition } from '../../api/load-balancer.ts';
import { dnsDomains } from '../../spec/dns.ts';
import type { DnsRecordRow, DnsRecordState } from '../../store/dns-records.ts';
import type { Observation } from './observation.ts';

/** From what is worst to what is best; the worst gives the condition its reason. */
const REASONS: readonly [state: DnsRecordState, reason: string, status: Condition['status']][] = [
  ['failed', 'Failed', 'false'],
  ['taken', 'NotOurs', 'false'],
  ['elsewhere', 'LeadsElsewhere', 'false'],
  ['missing', 'Missing', 'false'],
  ['unknown', 'NotKnown', 'unknown'],
  ['pending', 'Pending', 'unknown'],
  ['present', 'Present', 'true'],
];
const SHOWN = 5;

/** Whether the domains of a load balancer lead to it, and if not, what to do. Absent where it has none. */
export function dnsRecords({ record, dns = [] }: Observation): Condition[] {
  const domains = dnsDomains(record.spec);
  if (domains.length === 0) return [];
  const type = 'DnsRecords';
  const wanted = new Set(domains);
  const rows = dns.filter(({ domain, state }) => wanted.has(domain) && state !== 'removing');
  const worst = REASONS.find(([state]) => rows.some((row) => row.state === state));
  if (!worst || rows.length < domains.length) {
    const message = `DNS is asked for ${domains.slice(0, SHOWN).join(', ')}.`;
    return [{ type, status: 'unknown', reason: 'Pending', message, since: record.updatedAt }];
  }
  const [state, reason, status] = worst;
  const about = rows.filter((row) => row.state === state);
  const since = about.map((row) => row.since).reduce((left, right) => (left > right ? left : right), '');
  return [{ type, status, reason, message: messageOf(about, rows.length), since }];
}

function messageOf(rows: readonly DnsRecordRow[], all: number): string {
  const shown = rows.slice(0, SHOWN).map(({ message }) => message.replace(/\.$/, ''));
  const more = rows.length > SHOWN ? ` And ${rows.length - SHOWN} more domains.` : '';
  const share = rows.length === all ? '' : `${rows.length} of ${all} domains: `;
  return `${share}${shown.join('. ')}.${more}`;
}
