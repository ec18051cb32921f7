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
  /** What the answer must hold, for the sentence. */
  expectStatus?: string | undefined;
  timeout: string;
}

/** Says why a backend is down: `connection refused at 10.0.1.7:8080 (3 checks, since 12:01:07)`. */
export function failureReason(
  stat: Pick<ServerStat, 'checkStatus' | 'checkCode' | 'lastCheck'>,
  context: FailureContext,
): string {
  const { failures } = context;
  const count = `${failures} ${failures === 1 ? 'check' : 'checks'}`;
  return `${causeOf(stat, context)} (${count}, since ${timeOfDay(context.since)})`;
}

function causeOf(
  { checkStatus, checkCode, lastCheck }: Pick<ServerStat, 'checkStatus' | 'checkCode' | 'lastCheck'>,
  context: FailureContext,
): string {
  const where = formatTarget({ host: context.address, port: context.port });
  const said = lastCheck === '' ? '' : `: ${lastCheck}`;
  switch (checkStatus) {
    case 'L4CON':
      return connectionFault(lastCheck, where);
    case 'L4TOUT':
      return `no connection to ${where} within ${context.timeout}`;
    case 'L6TOUT':
      return `no TLS handshake with ${where} within ${context.timeout}`;
    case 'L6RSP':
      return `TLS handshake with ${where} failed${said}`;
    case 'L7TOUT':
      return `no answer from ${where} within ${context.timeout}`;
    case 'L7STS':
      return `status ${checkCode}${lastCheck ? ` (${lastCheck})` : ''} from ${where}${context.expectStatus ? `, expected ${context.expectStatus}` : ''}`;
    case 'L7RSP':
      return `unexpected answer from ${where}${said}`;
    case 'SOCKERR':
      return `no socket for ${where}${said}`;
    default:
      return `check of ${where} failed with ${checkStatus || 'no result'}${said}`;
  }
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
