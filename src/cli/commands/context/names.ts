import { AppError } from '../../../base/errors.ts';
import { type Context, type ContextFile, readContextFile } from '../../context.ts';
import { usageError } from '../../failure.ts';
import type { Environment } from '../../io.ts';

/** Refuses a name that a shell or a completion could stumble over. */
export function requireContextName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return;
  throw usageError(
    `${JSON.stringify(name)} is no name for a context`,
    'Use letters, digits, dots, hyphens and underscores',
  );
}

/** The context file with one of its contexts, or the error that says where to look. */
export async function requireContext(
  env: Environment,
  name: string,
): Promise<{ file: ContextFile; context: Context }> {
  const file = await readContextFile(env);
  const context = Object.hasOwn(file.contexts, name) ? file.contexts[name] : undefined;
  if (context) return { file, context };
  throw new AppError('not_found', `there is no context ${JSON.stringify(name)}`, {
    hint: 'agentmetal context list',
  });
}

/** The context of that name, or the one in use. */
export async function requireChosenContext(
  env: Environment,
  name: string | undefined,
): Promise<{ name: string; file: ContextFile; context: Context }> {
  const chosen = name ?? (await readContextFile(env)).current;
  if (chosen !== undefined) return { name: chosen, ...(await requireContext(env, chosen)) };
  throw new AppError('not_found', 'no context is in use', {
    hint: 'Choose one: agentmetal context use NAME, or save one: agentmetal context create NAME --url URL',
  });
}
