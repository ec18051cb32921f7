import type { DnsStatus } from '../../api/dns-status.ts';
import { dnsDomains } from '../../spec/dns.ts';
import type { DnsRecordRow, DnsRecordState, SeenDns } from '../../store/dns-records.ts';
import { linesToMake, zoneLines } from '../dns/words.ts';
import type { Observation } from './observation.ts';

type ShownState = Exclude<DnsRecordState, 'removing'>;

const STATES: Record<ShownState, [DnsStatus['state'], DnsStatus['reason']]> = {
  present: ['ok', 'Present'],
  pending: ['pending', 'Pending'],
  unknown: ['pending', 'NotKnown'],
  taken: ['foreign', 'NotOurs'],
  elsewhere: ['foreign', 'LeadsElsewhere'],
  failed: ['missing', 'Failed'],
  missing: ['no_zone', 'Missing'],
};
const NOTHING: SeenDns = { ipv4: [], ipv6: [], cname: [] };

/** How it stands with the records of each domain that should lead to a load balancer, in the order of the spec. */
export function dnsStatuses({ record, dns = [], zoneNames }: Observation): DnsStatus[] {
  return dnsDomains(record.spec).map((domain): DnsStatus => {
    const row = dns.find((each) => each.domain === domain && each.state !== 'removing');
    if (row && row.state !== 'removing') return statusOf(row, row.state, zoneNames?.get(row.zoneId));
    const message = `${domain} is looked at now`;
    return {
      domain,
      state: 'pending',
      reason: 'Pending',
      message,
      records: [],
      make: [],
      since: record.updatedAt,
    };
  });
}

function statusOf(row: DnsRecordRow, state: ShownState, zone: string | undefined): DnsStatus {
  const [shown, reason] = STATES[state];
  const make = linesFor(row);
  const whatToDo = whatToDoAbout(row, zone, make);
  return {
    domain: row.domain,
    ...(zone === undefined ? {} : { zone }),
    state: shown,
    reason,
    message: row.message,
    ...(whatToDo === undefined ? {} : { whatToDo }),
    records: recordsOf(row),
    make,
    since: row.since,
  };
}

function recordsOf({ wanted, seen }: DnsRecordRow): DnsStatus['records'] {
  const records = [
    { type: 'A' as const, wanted: [...wanted.ipv4], seen: seen?.ipv4 },
    { type: 'AAAA' as const, wanted: [...wanted.ipv6], seen: seen?.ipv6 },
    { type: 'CNAME' as const, wanted: [], seen: seen?.cname },
  ];
  return records
    .filter((each) => each.wanted.length > 0 || (each.seen?.length ?? 0) > 0)
    .map(({ seen: found, ...rest }) => (found ? { ...rest, seen: [...found] } : rest));
}

/** What somebody has to make by hand: nothing where a zone of ours makes it as soon as it may. */
function linesFor({ domain, state, wanted, seen }: DnsRecordRow): string[] {
  if (state === 'missing' || state === 'elsewhere') return linesToMake(domain, wanted, seen ?? NOTHING);
  return state === 'unknown' ? zoneLines(domain, wanted) : [];
}

function whatToDoAbout(
  { domain, state, wanted, seen }: DnsRecordRow,
  zone: string | undefined,
  make: readonly string[],
): string | undefined {
  const records = make.length === 1 ? 'this record' : 'these records';
  const made = make.length > 0 ? `Make ${records}: ${make.join(', ')}.` : '';
  switch (state) {
    case 'missing':
      return `${made} Or have it made: agentmetal dns zone add ZONE --provider PROVIDER`;
    case 'elsewhere': {
      const right = new Set([...wanted.ipv4, ...wanted.ipv6]);
      const wrong = [...(seen?.ipv4 ?? []), ...(seen?.ipv6 ?? [])].filter((address) => !right.has(address));
      const remove = wrong.length > 0 ? `Remove ${wrong.join(', ')} from the records of ${domain}.` : '';
      return [remove, made].filter(Boolean).join(' ');
    }
    case 'taken':
      return `If ${domain} is to lead here, remove the records that are there; ours are then made by themselves.`;
    case 'failed':
      return `It is tried again by itself. See what the provider said, and give the zone another credential if it is refused: agentmetal dns zone set ${zone ?? 'ZONE'} --provider PROVIDER`;
    case 'unknown':
      return `Check the name server that is asked (AGENTMETAL_RESOLVER). If ${domain} has none yet: ${made}`;
    default:
      return undefined;
  }
}
