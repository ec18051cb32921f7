import { printable } from '../base/printable.ts';
import type { HealthCheck } from '../spec/health-check.ts';
import { formatTarget } from '../spec/target.ts';
import type { ServerStat } from './runtime/stat.ts';

export interface FailureContext {
  /** Where the check went. */
  address: string;
  port: number;
  /** Failed checks in a row. */
  failures: number;
  /** When the backend went down, milliseconds since the epoch. */
  since: number;
  check: HealthCheck;
  /** Errors of live traffic that took it out before a check did; absent when checks did. */
  passiveErrors?: number | undefined;
}

type Result = Pick<ServerStat, 'checkStatus' | 'checkCode' | 'lastCheck'>;

/** The most of a backend's own words that a reason holds. */
const MAX_WORDS = 200;
/** HAProxy's name for what it has seen in live traffic. */
const PASSIVE_STATUS = 'HANA';

/** Says why a backend is down: `connection refused at 10.0.1.7:8080 (3 checks, since 12:01:07)`. */
export function failureReason(stat: Result, context: FailureContext): string {
  const since = `since ${timeOfDay(context.since)}`;
  const { failures, passiveErrors } = context;
  if (passiveErrors !== undefined) {
    const errors = `took ${passiveErrors} ${errorWord(context.check)} in a row`;
    const cause = stat.checkStatus.startsWith(PASSIVE_STATUS) ? '' : `; ${causeOf(stat, context)}`;
    return `${errors}${cause} (${since})`;
  }
  return `${causeOf(stat, context)} (${failures} ${failures === 1 ? 'check' : 'checks'}, ${since})`;
}

/** Says why a program has taken a backend out, or what keeps it there. */
export function scriptReason(name: string, outcome: string, count: number, since: number): string {
  const results = `${count} ${count === 1 ? 'result' : 'results'}`;
  return `program ${name}: ${outcome} (${results}, since ${timeOfDay(since)})`;
}

function errorWord({ passive }: HealthCheck): string {
  return passive?.observe === 'layer7' ? 'errors' : 'connection errors';
}

/** What a failed check came to, in words; everything that a backend said is made safe to show. */
export function causeOf(
  stat: Result,
  { address, port, check }: Pick<FailureContext, 'address' | 'port' | 'check'>,
): string {
  const where = formatTarget({ host: address, port });
  const { words, step } = readDescription(stat.lastCheck, check);
  const said = words === '' ? '' : `: ${words}`;
  switch (stat.checkStatus) {
    case 'L4CON':
      return connectionFault(words, where);
    case 'L4TOUT':
      return `no connection to ${where} within ${check.timeout}${step}`;
    case 'L6TOUT':
      return `no TLS handshake with ${where} within ${check.timeout}${step}`;
    case 'L6RSP':
      return `TLS handshake with ${where} failed${said}${step}`;
    case 'L7TOUT':
      return `no answer from ${where} within ${check.timeout}${step}`;
    case 'L7STS':
      return statusFault(stat.checkCode, words, where, check);
    case 'L7RSP':
      return answerFault(words, step, where, check);
    case 'SOCKERR':
      return `could not speak to ${where}${said || ': no connection, or not the protocol that is spoken'}`;
    default:
      return `check of ${where} failed with ${stat.checkStatus || 'no result'}${said}`;
  }
}

function statusFault(code: string, words: string, where: string, check: HealthCheck): string {
  if (check.type === 'grpc') return `gRPC health service of ${where} is ${words || 'not SERVING'}`;
  if (check.type === 'http' || check.type === 'https')
    return `status ${code}${words ? ` (${words})` : ''} from ${where}, expected ${check.expectStatus}`;
  if (Number(code) === 0) return `unexpected answer from ${where}: ${words}`;
  return `${where} answered ${code}${words ? ` (${words})` : ''}`;
}

function answerFault(words: string, step: string, where: string, check: HealthCheck): string {
  if (check.type === 'redis') return `${where} did not answer PING with +PONG`;
  if (check.type === 'custom' && step !== '') return `answer of ${where} is not as expected${step}`;
  return `unexpected answer from ${where}${words === '' ? '' : `: ${words}`}`;
}

const STEP = /\s*at step (\d+)(?: of tcp-check \([^)]*\))?.*$/s;

/** HAProxy counts its own rules; what a user wrote begins behind the connection that is made for them. */
function readDescription(said: string, check: HealthCheck): { words: string; step: string } {
  const words = printable(said.replace(STEP, '').trim(), MAX_WORDS);
  const number = Number(STEP.exec(said)?.[1] ?? 0);
  if (check.type !== 'custom' || !check.steps || number === 0) return { words, step: '' };
  const own = check.steps[0]?.connect === undefined ? number - 1 : number;
  return { words, step: own > 0 ? ` at step ${own}` : '' };
}

function connectionFault(said: string, where: string): string {
  const known: Record<string, string> = {
    'Connection refused': 'connection refused at',
    'No route to host': 'no route to',
    'Network is unreachable': 'network unreachable for',
    'Connection reset by peer': 'connection reset by',
    'Host is unreachable': 'host unreachable:',
  };
  const phrase = Object.hasOwn(known, said) ? known[said] : undefined;
  return phrase ? `${phrase} ${where}` : `connection to ${where} failed${said === '' ? '' : `: ${said}`}`;
}

/** Local time of the machine, as its own logs have it. */
function timeOfDay(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
