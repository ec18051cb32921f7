import { z } from 'zod';

/** Ports in a row, both ends included. */
export interface PortRange {
  first: number;
  last: number;
}

/** The most ports that one load balancer listens on. */
export const MAX_PORTS = 1000;

const RANGE = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/;

/** Reads `5432` or `6000-6010`. */
export function parsePorts(text: string): PortRange | undefined {
  const match = RANGE.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65_535 ? { first, last } : undefined;
}

/** The one way in which a range is written: `6000` rather than `6000-6000`. */
export function formatPorts({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

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

export function portCount(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
