import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf, systemCode } from '../base/errors.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Environment } from './io.ts';

/** A control plane and the key for it. */
export interface Context {
  url: string;
  key: string;
  /** File with the certificate or CA to trust for it. */
  caFile?: string;
}

export interface NamedContext extends Context {
  name: string;
}

/** The context file. JSON, because a YAML parser would double the time that `lb list` takes. */
export interface ContextFile {
  /** The context in use. */
  current?: string;
  contexts: Record<string, Context>;
}

/** `config.json` in `${XDG_CONFIG_HOME:-~/.config}/agentmetal`. */
export function contextFilePath(env: Environment): string {
  const base = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return join(base, 'agentmetal', 'config.json');
}

/** The context of that name, or the one in use; `undefined` when there is none. */
export async function readContext(env: Environment, name?: string): Promise<NamedContext | undefined> {
  const file = await readContextFile(env);
  const chosen = name ?? file.current;
  if (chosen === undefined || !Object.hasOwn(file.contexts, chosen)) return undefined;
  const context = file.contexts[chosen];
  return context ? { name: chosen, ...context } : undefined;
}

/** Saves a context, replacing one of that name. It becomes the one in use, unless `use` is false. */
export async function writeContext(
  env: Environment,
  { name, url, key, caFile }: NamedContext,
  use = true,
): Promise<void> {
  const file = await readContextFile(env);
  const contexts = { ...file.contexts, [name]: { url, key, ...(caFile === undefined ? {} : { caFile }) } };
  const current = use ? name : file.current;
  await writeContextFile(env, { ...(current === undefined ? {} : { current }), contexts });
}

export async function readContextFile(env: Environment): Promise<ContextFile> {
  const path = contextFilePath(env);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return { contexts: {} };
    throw unreadable(path, messageOf(error));
  }
  return parseContextFile(path, text);
}

export async function writeContextFile(env: Environment, file: ContextFile): Promise<void> {
  const path = contextFilePath(env);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    // 0600 before the rename: the keys must not be readable by others, not even for an instant.
    await writeFile(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function parseContextFile(path: string, text: string): ContextFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, messageOf(error));
  }
  const { current, contexts } = (value ?? {}) as Partial<ContextFile>;
  if (typeof contexts !== 'object' || contexts === null || !Object.values(contexts).every(isContext)) {
    throw unreadable(path, 'it holds no valid "contexts"');
  }
  return { ...(typeof current === 'string' ? { current } : {}), contexts };
}

function isContext(value: unknown): value is Context {
  if (typeof value !== 'object' || value === null) return false;
  return 'url' in value && typeof value.url === 'string' && 'key' in value && typeof value.key === 'string';
}

function unreadable(path: string, why: string): CliFailure {
  const hint = `Mend the file or move it away: ${path}`;
  return new CliFailure(EXIT.failed, 'context_file', `the context file cannot be read: ${why}`, { hint });
}
