import { printable } from '../base/printable.ts';
import type { CheckStep } from '../spec/check-steps.ts';
import { type HealthCheck, isScriptCheck } from '../spec/health-check.ts';
import { formatTarget } from '../spec/target.ts';
import { HEALTH_METHOD } from './config/grpc-check.ts';

/** The most of a text of the spec's that is repeated. */
const MAX_TEXT = 120;
const MAX_WORDS = 1000;

/** What a check sends, where to and what it expects, in words. */
export function describeCheck(check: HealthCheck, address: string, port: number): string {
  const where = formatTarget({ host: address, port: check.port ?? port });
  const tls = 'tls' in check && check.tls ? ' over TLS' : '';
  const cadence = `every ${check.interval}, within ${check.timeout}; ${check.fall} failures take it out, ${check.rise} passes bring it back`;
  return printable(`${describeKind(check)}${tls}, at ${where}, ${cadence}`, MAX_WORDS);
}

function describeKind(check: HealthCheck): string {
  if (isScriptCheck(check)) return `program ${check.script} must end with 0`;
  switch (check.type) {
    case 'tcp':
      return 'a TCP connection must open';
    case 'http':
    case 'https': {
      const body = check.expectBody === undefined ? '' : ` and a body with ${quoted(check.expectBody)}`;
      return `${check.method} ${check.path} over ${check.type} must get status ${check.expectStatus}${body}`;
    }
    case 'grpc':
      return `gRPC ${HEALTH_METHOD} of ${check.service ?? 'the whole server'} must answer SERVING`;
    case 'redis':
      return 'PING must get +PONG';
    case 'postgres':
      return `PostgreSQL must take or ask for a login of ${check.user}`;
    case 'mysql':
      return check.user === undefined ? 'MySQL must greet' : `MySQL must let ${check.user} in`;
    case 'smtp':
      return 'SMTP must greet and answer EHLO';
    case 'custom':
      return `a conversation: ${check.steps.map(describeStep).join(', ')}`;
  }
}

function describeStep({ connect, send, sendHex, expect, expectRegex }: CheckStep, index: number): string {
  const number = `${index + 1}.`;
  if (connect) {
    const port = connect.port === undefined ? '' : ` to port ${connect.port}`;
    return `${number} connect${port}${connect.tls ? ' over TLS' : ''}`;
  }
  if (send !== undefined) return `${number} send ${quoted(send)}`;
  if (sendHex !== undefined) return `${number} send bytes ${sendHex.slice(0, MAX_TEXT)}`;
  return expect === undefined
    ? `${number} expect a match of ${quoted(expectRegex ?? '')}`
    : `${number} expect ${quoted(expect)}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, MAX_TEXT));
}
