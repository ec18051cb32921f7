import { z } from 'zod';
import { formatPorts, parsePorts } from './port-range.ts';

/** The most ports that one load balancer listens on. */
export const MAX_PORTS = 1000;

/** A port, or ports in a row, as text. */
export const PortsText = z.union([z.int().min(1).max(65_535).transform(String), z.string()]).pipe(
  z
    .string()
    .refine((text) => parsePorts(text) !== undefined, {
      error: 'must be a port or a range such as 6000-6010',
      abort: true,
    })
    .overwrite((text) => {
      const range = parsePorts(text);
      return range ? formatPorts(range) : text;
    }),
);

export { parsePorts, portCount } from './port-range.ts';
