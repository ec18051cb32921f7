import type { LoadBalancerReport } from '../../api/agent.ts';
import type { BackendState } from '../../api/load-balancer.ts';
import type { NewEvent } from '../../store/events.ts';
import { backendKey, backendText } from '../status/backends.ts';
import { type Named, ofLoadBalancer } from './resource.ts';

type Reported = LoadBalancerReport['backends'];

/** When more change in one report, one event tells of all of them. */
const MAX_SINGLE = 5;
const MAX_NAMED = 20;
const IN_MESSAGE = 5;

const DOWN: ReadonlySet<BackendState> = new Set(['down', 'unresolved']);
/** What is known of a backend before its first check, or after none. */
const UNCHECKED: ReadonlySet<BackendState | undefined> = new Set([undefined, 'checking']);

export interface ReportedChange {
  /** The machine that sees it so. */
  machine: string;
  /** What was told of all backends before. */
  before: Reported;
  /** What is told now, of all of them or of some. */
  news: Reported;
  /** What is known of all of them now. */
  after: Reported;
}

/** What a report says of backends that came up or went down: one event for each, or one for many. Pure. */
export function backendEvents(lb: Named, { machine, before, news, after }: ReportedChange): NewEvent[] {
  const others = otherThanBefore(before, news);
  const states = statesBefore(before, others);
  const turned = (isTurn: (was: BackendState | undefined, is: BackendState) => boolean) =>
    others.filter((backend) => isTurn(states.get(backendKey(backend)), backend.state));
  const down = turned((was, is) => DOWN.has(is) && (was === undefined || !DOWN.has(was)));
  const up = turned((was, is) => is === 'up' && (UNCHECKED.has(was) || DOWN.has(was ?? 'checking')));
  const isAllDown = down.length > 0 && !after.some(({ state }) => state === 'up');
  const downSeverity = isAllDown ? 'error' : 'warning';
  const rest = isAllDown ? '; no backend is up any more' : '';
  return [
    ...told(down, (backends, words) => ({
      ...common(lb, machine, backends),
      type: 'backend.down',
      severity: downSeverity,
      message: `${words} went down: ${reasonOf(backends)}${rest}`,
    })),
    ...told(up, (backends, words) => ({
      ...common(lb, machine, backends),
      type: 'backend.up',
      severity: 'info',
      message: `${words} came up: ${reasonOf(backends)}`,
    })),
  ];
}

/** Most reports say of most backends what the one before said, in the same order: those need no closer look. */
function otherThanBefore(before: Reported, news: Reported): Reported {
  return news.filter(({ target, pool, state }, index) => {
    const was = before[index];
    return was?.state !== state || was.target !== target || was.pool !== pool;
  });
}

/** The states before of those of which something is told. Of ten thousand few are. */
function statesBefore(before: Reported, news: Reported): ReadonlyMap<string, BackendState> {
  if (news.length === 0) return new Map();
  const targets = new Set(news.map(({ target }) => target));
  const known = before.filter(({ target }) => targets.has(target));
  return new Map(known.map((backend) => [backendKey(backend), backend.state]));
}

function told(backends: Reported, event: (backends: Reported, words: string) => NewEvent): NewEvent[] {
  if (backends.length <= MAX_SINGLE) return backends.map((backend) => event([backend], backendText(backend)));
  const names = backends.slice(0, IN_MESSAGE).map(backendText).join(', ');
  return [event(backends, `${backends.length} backends (${names} and ${backends.length - IN_MESSAGE} more)`)];
}

function common(lb: Named, machine: string, backends: Reported) {
  const [first] = backends;
  const isOne = backends.length === 1 && first !== undefined;
  const named = backends.slice(0, MAX_NAMED).map(({ pool, target, state }) => ({ pool, target, state }));
  return {
    resource: ofLoadBalancer(lb),
    subject: `${machine} ${isOne ? backendKey(first) : '*'}`,
    details: { machine, backends: named, backendCount: backends.length },
  };
}

function reasonOf([first]: Reported): string {
  return first?.reason ?? '';
}
