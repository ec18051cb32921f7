import { readFile } from 'node:fs/promises';
import { AppError } from '../base/errors.ts';
import { type NamedContext, contextFilePath, readContext } from './context.ts';
import { usageError } from './failure.ts';
import { fileFault } from './file-fault.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Environment } from './io.ts';

export const DEFAULT_URL = 'http://localhost:8080';

/** Where a key is from. */
export type KeySource =
  | { kind: 'file'; path: string }
  /** `instead` names the context whose key would be used without it. */
  | { kind: 'environment'; instead: string | undefined }
  | { kind: 'context'; name: string };

/** The control plane that a command speaks to. */
export interface Connection {
  url: string;
  /** Where the URL is from, for `doctor` and error texts. */
  source: 'flag' | 'environment' | 'context' | 'default';
  key: string | undefined;
  /** Where the key is from; `undefined` when there is none. */
  keySource: KeySource | undefined;
  context: string | undefined;
  /** A certificate or CA to trust besides the system's. */
  caFile: string | undefined;
}

type ConnectionOptions = Pick<GlobalOptions, 'url' | 'apiKeyFile' | 'context'> &
  Partial<Pick<GlobalOptions, 'caFile'>>;

/** Decides where to go and with which key: flag, then environment, then context file, then default. */
export async function resolveConnection(options: ConnectionOptions, env: Environment): Promise<Connection> {
  const context = await chosenContext(options, env);
  const { url, source } = chooseUrl(options, env, context);
  assertUrl(url);
  const caFile = options.caFile ?? (env['AGENTMETAL_CA_FILE'] || context?.caFile);
  const { key, keySource } = await chooseKey(options, env, { context, url });
  return { url, source, key, keySource, context: context?.name, caFile };
}

/** The key, or the error that says how to give one. */
export function requireKey({ url, key, context, source }: Connection): string {
  if (key !== undefined) return key;
  const why = context === undefined ? '' : ` (the key of context ${context} is for another URL)`;
  const start = source === 'default' ? 'Start a control plane here with agentmetal up; or set' : 'Set';
  throw new AppError('unauthenticated', `there is no API key for ${url}${why}`, {
    hint: `${start} AGENTMETAL_API_KEY, or save the key: agentmetal context create NAME --url ${url}`,
  });
}

/** Refuses what is no http or https URL. */
export function assertUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '') return;
  throw usageError(`${JSON.stringify(text)} is not the URL of a control plane`, `Write it as ${DEFAULT_URL}`);
}

async function chosenContext(
  { context: name }: ConnectionOptions,
  env: Environment,
): Promise<NamedContext | undefined> {
  const context = await readContext(env, name);
  if (name === undefined || context) return context;
  throw new AppError('not_found', `there is no context ${JSON.stringify(name)} in ${contextFilePath(env)}`, {
    hint: 'agentmetal context list',
  });
}

function chooseUrl(
  { url, context: named }: ConnectionOptions,
  env: Environment,
  context: NamedContext | undefined,
): Pick<Connection, 'url' | 'source'> {
  if (url !== undefined) return { url, source: 'flag' };
  // A context that is named on the command line is as good as a flag.
  if (named !== undefined && context) return { url: context.url, source: 'context' };
  if (env['AGENTMETAL_URL']) return { url: env['AGENTMETAL_URL'], source: 'environment' };
  return context ? { url: context.url, source: 'context' } : { url: DEFAULT_URL, source: 'default' };
}

async function chooseKey(
  { apiKeyFile, context: named }: ConnectionOptions,
  env: Environment,
  { context, url }: { context: NamedContext | undefined; url: string },
): Promise<Pick<Connection, 'key' | 'keySource'>> {
  if (apiKeyFile !== undefined)
    return { key: await readKeyFile(apiKeyFile), keySource: { kind: 'file', path: apiKeyFile } };
  // A key goes only to the control plane that it was saved for.
  const saved: Pick<Connection, 'key' | 'keySource'> =
    context && samePlace(context.url, url)
      ? { key: context.key, keySource: { kind: 'context', name: context.name } }
      : { key: undefined, keySource: undefined };
  if (named !== undefined && saved.key !== undefined) return saved;
  const key = env['AGENTMETAL_API_KEY'];
  if (!key) return saved;
  return { key, keySource: { kind: 'environment', instead: saved.key && context?.name } };
}

/** The text of the certificate to trust, or `undefined` when the system's are enough. */
export async function readCaFile(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`the certificate of the control plane cannot be read from ${path}: ${fileFault(error)}`);
  }
}

async function readKeyFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`the API key cannot be read from ${path}: ${fileFault(error)}`);
  }
  const key = text.trim();
  if (key === '') throw usageError(`the file ${path} holds no API key`);
  return key;
}

function samePlace(one: string, other: string): boolean {
  return placeOf(one) === placeOf(other);
}

function placeOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (['127.0.0.1', '[::1]'].includes(url.hostname)) url.hostname = 'localhost';
  return url.href.replace(/\/+$/, '');
}
