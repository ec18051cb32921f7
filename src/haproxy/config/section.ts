/** One section of haproxy.cfg: its opening line and the directives under it. */
export interface Section {
  header: string;
  lines: readonly string[];
}

/** Writes sections as a file. The last line feed is not optional: HAProxy refuses a file without it. */
export function writeSections(sections: readonly Section[]): string {
  return sections
    .map(({ header, lines }) => [header, ...lines.map((line) => `  ${line}`), ''].join('\n'))
    .join('\n');
}
