import type { EventType, Severity } from '../../api/events.ts';
import type { DnsRecordRow } from '../../store/dns-records.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { ofLoadBalancer } from '../events/resource.ts';
import type { Outcome } from './attempt.ts';
import { linesToMake, zoneLines } from './words.ts';

/** Tells what a look at the records of a domain came to, where that is news. */
export async function tellDns(tx: Tx, row: DnsRecordRow, outcome: Outcome, now: number): Promise<void> {
  const news = newsOf(row, outcome);
  if (!news) return;
  const { loadBalancerId: id, domain, zoneId, wanted } = row;
  // Records outlive their load balancer by a while; its id is then all that is left.
  const name = (await findLoadBalancer(tx, id))?.name ?? id;
  const [type, severity, message] = news;
  const seen = outcome.kind === 'is' ? outcome.seen : undefined;
  const make = seen && severity !== 'info' ? linesToMake(domain, wanted, seen) : [];
  const event: NewEvent = {
    type,
    severity,
    resource: ofLoadBalancer({ id, name }),
    subject: domain,
    message,
    details: {
      domain,
      zoneId: zoneId === '' ? null : zoneId,
      wanted: zoneLines(domain, wanted),
      ...(seen ? { seen } : {}),
      ...(make.length > 0 ? { make } : {}),
    },
  };
  await tellEvents(tx, [event], now);
}

type News = [type: EventType, severity: Severity, message: string];

/** What is to be told of an outcome; undefined when it was so before. Pure. */
export function newsOf(row: DnsRecordRow, outcome: Outcome): News | undefined {
  const { domain, state: before, attempts } = row;
  switch (outcome.kind) {
    case 'removed':
      return outcome.did
        ? ['dns.record_removed', 'info', `the records of ${domain} were removed`]
        : undefined;
    case 'fault':
      // A look that could not be had says nothing of the records; a change that could not be made does.
      return attempts > 0 || row.zoneId === '' ? undefined : ['dns.failed', 'error', outcome.message];
    case 'is':
      break;
  }
  const { state, message, did } = outcome;
  if (did) return [`dns.record_${did}`, 'info', message];
  if (state === before) return undefined;
  if (state === 'taken' || state === 'elsewhere') return ['dns.record_foreign', 'warning', message];
  if (state === 'missing') return ['dns.record_missing', 'warning', message];
  return state === 'present' ? ['dns.record_found', 'info', message] : undefined;
}
