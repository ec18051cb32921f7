import type { FieldError } from '../../base/errors.ts';
import { MAX_PORTS, parsePorts, portCount } from '../ports.ts';
import { MAX_DOMAINS } from '../tls.ts';
import { array, fault, record } from './raw.ts';

/** What must hold between the ports, TLS and the type of a load balancer. */
export function listenerErrors(spec: Record<string, unknown>): FieldError[] {
  return [...portErrors(spec), ...tlsErrors(spec)];
}

function portErrors(spec: Record<string, unknown>): FieldError[] {
  const isTcp = spec['type'] === 'tcp';
  if (isTcp && spec['port'] === undefined && spec['ports'] === undefined)
    return [fault('/spec/port', 'required', 'a tcp load balancer needs the port to listen on')];
  if (spec['type'] === 'http' && spec['ports'] !== undefined)
    return [
      fault('/spec/ports', 'conflict', 'needs a tcp load balancer: an http one listens on port and 443'),
    ];
  if (spec['type'] === 'http' && spec['port'] === 443)
    return [fault('/spec/port', 'conflict', 'is the port of HTTPS already; choose another for plain HTTP')];
  return rangeErrors(array(spec['ports']));
}

function rangeErrors(list: readonly unknown[]): FieldError[] {
  const ranges = list.slice(0, MAX_PORTS).map((entry) => parsePorts(String(entry)));
  const errors: FieldError[] = [];
  for (const [index, range] of ranges.entries()) {
    const other =
      range &&
      ranges
        .slice(0, index)
        .find((before) => before && before.first <= range.last && range.first <= before.last);
    if (other)
      errors.push(fault(`/spec/ports/${index}`, 'duplicate', 'names ports that another entry names'));
  }
  const count = portCount(ranges.filter((range) => range !== undefined));
  if (count > MAX_PORTS)
    errors.push(fault('/spec/ports', 'too_big', `at most ${MAX_PORTS} ports, not ${count}`));
  return errors;
}

function tlsErrors(spec: Record<string, unknown>): FieldError[] {
  if (spec['tls'] === undefined) return [];
  const tls = record(spec['tls']);
  const errors: FieldError[] = [];
  if (spec['type'] === 'http' && tls['mode'] === 'passthrough')
    errors.push(
      fault(
        '/spec/tls/mode',
        'conflict',
        'an http load balancer must read requests; TLS goes through a tcp one',
      ),
    );
  if (spec['type'] === 'tcp' && tls['mode'] === 'passthrough')
    for (const field of ['domain', 'domains'])
      if (tls[field] !== undefined)
        errors.push(
          fault(`/spec/tls/${field}`, 'conflict', 'means nothing where TLS goes through to the backend'),
        );
  if (tls['domain'] !== undefined && tls['domains'] !== undefined) {
    errors.push(fault('/spec/tls/domains', 'conflict', 'give either domain or domains'));
  }
  const seen = new Set<unknown>();
  for (const [index, text] of array(tls['domains']).slice(0, MAX_DOMAINS).entries()) {
    const domain = typeof text === 'string' ? text.toLowerCase() : text;
    if (seen.has(domain)) errors.push(fault(`/spec/tls/domains/${index}`, 'duplicate', 'is named twice'));
    seen.add(domain);
  }
  return errors;
}
