import type { LoadBalancerPatch } from '../../change-spec.ts';
import type { OptionValues, Options } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { labelPatch } from '../../key-values.ts';

/** The flags of `lb update` and `lb plan`. */
export const UPDATE_OPTIONS = {
  name: { value: 'NAME', summary: 'A new name' },
  label: { value: 'KEY=VALUE', short: 'l', repeat: true, summary: 'Set a label' },
  unlabel: { value: 'KEY', repeat: true, summary: 'Take a label away' },
  port: { value: 'PORT', integer: true, summary: 'Port to listen on' },
  ports: {
    value: 'PORTS',
    repeat: true,
    summary: 'Ports for tcp: a port or a range, 6000-6010; those given are the whole list',
  },
  algorithm: {
    value: 'ALGORITHM',
    summary: 'roundrobin, leastconn, source, random, first, uri or header:NAME',
  },
  vpc: { value: 'VPC', summary: 'The VPC of its backends', completes: 'vpc' },
  nodes: { value: 'N', integer: true, summary: 'How many machines serve it' },
  deletionProtection: { negatable: true, summary: 'Refuse deletion, or allow it again' },
} as const satisfies Options;

/** The merge patch that the flags say; refuses one that says nothing. */
export function updatePatch(options: OptionValues<typeof UPDATE_OPTIONS>, hint: string): LoadBalancerPatch {
  const { name, port, algorithm, vpc, nodes, deletionProtection } = options;
  const labels = labelPatch(options.label, options.unlabel);
  const ports = options.ports.length === 0 ? undefined : options.ports;
  const fields = { port, ports, algorithm, vpc, nodes, deletionProtection };
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const patch = {
    ...(name === undefined ? {} : { name }),
    ...(labels === undefined ? {} : { labels }),
    ...(Object.keys(given).length === 0 ? {} : { spec: given }),
  };
  if (Object.keys(patch).length === 0) throw usageError('nothing to change is given', hint);
  return patch;
}
