import { memoized } from '../../base/memo.ts';

/** One section of haproxy.cfg: its opening line and the directives under it. */
export interface Section {
  header: string;
  lines: readonly string[];
}

/** Writes sections as a file. The last line feed is not optional: HAProxy refuses a file without it. */
export function writeSections(sections: readonly Section[]): string {
  return sections.map(writeSection).join('\n');
}

/** Of a thousand pools nearly all have the very section that they had before. */
const writeSection = memoized(({ header, lines }: Section) =>
  [header, ...lines.map((line) => `  ${line}`), ''].join('\n'),
);
