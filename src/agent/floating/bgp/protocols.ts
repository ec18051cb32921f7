/** How a protocol of BIRD stands. */
export interface ProtocolState {
  /** Whether it is up; a session before it is established is not. */
  isUp: boolean;
  /** What BIRD says of it, such as `Established` or `Active Socket: Connection refused`. */
  info: string;
}

/** Reads the answer to `show protocols`: name, kind, table, state, since, info. */
export function parseProtocols(lines: readonly string[]): Map<string, ProtocolState> {
  return new Map(
    lines.flatMap((line) => {
      const words = line
        .replace(/^(\d{4}[- ]| )/, '')
        .trim()
        .split(/\s+/);
      const [name, , , state, , ...info] = words;
      if (name === undefined || state === undefined || name === 'Name') return [];
      return [[name, { isUp: state === 'up', info: info.join(' ') }] as const];
    }),
  );
}
