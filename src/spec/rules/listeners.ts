import type { FieldError } from '../../base/errors.ts';
import { MAX_PORTS, parsePorts, portCount } from '../ports.ts';
import { array, fault } from './raw.ts';

/** What must hold between the ports and the type of a load balancer. */
export function listenerErrors(spec: Record<string, unknown>): FieldError[] {
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
