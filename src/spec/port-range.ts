/** Ports in a row, both ends included. */
export interface PortRange {
  first: number;
  last: number;
}

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

export function portCount(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** The ports that a spec asks for, as ranges: those of TLS of an http load balancer are not among them. */
export function portRanges({ port, ports }: { port: number; ports?: string[] | undefined }): PortRange[] {
  const further = (ports ?? []).map(parsePorts).filter((range) => range !== undefined);
  const isNamed = further.some(({ first, last }) => first <= port && port <= last);
  return isNamed ? further : [{ first: port, last: port }, ...further];
}
