import { type Member, renderGroupHelp } from './output/help.ts';
import { COMMANDS, GROUPS } from './registry.ts';
import { nextWords } from './resolve.ts';

/** The help of a noun, or of the whole program for the empty path. */
export async function groupHelp(path: string): Promise<string> {
  const members = await Promise.all(nextWords(path).map((word) => describeMember(path, word)));
  const title = path === '' ? 'Managed load balancing on your own machines' : (GROUPS[path] ?? path);
  return renderGroupHelp(path, title, members);
}

async function describeMember(path: string, word: string): Promise<Member> {
  const full = path === '' ? word : `${path} ${word}`;
  const command = await COMMANDS[full]?.();
  return { word, summary: command?.summary ?? GROUPS[full] ?? '' };
}
