import type { Redirect, RouteInput } from '../../../../spec/route.ts';
import { usageError } from '../../../failure.ts';

const REDIRECT = /^(?:(?<scheme>https?):\/\/(?<host>[^/?#]*))?(?<path>\/.*)?$/i;

/** Where `--redirect` leads: a URL, a path alone, or a scheme alone (`https://`). */
export function parseRedirect(text: string, status: number | undefined): Redirect {
  const parts = REDIRECT.exec(text)?.groups;
  if (!parts || text === '')
    throw usageError(
      `--redirect ${JSON.stringify(text)} is no place to go to`,
      'Write it as https://www.example.com/new, as a path such as /new, or as https:// to change the scheme alone',
    );
  const { scheme, host, path } = parts;
  // The control plane judges the fields; a status that was not given is its default.
  return {
    ...(scheme === undefined ? {} : { scheme: scheme.toLowerCase() }),
    ...(host ? { host } : {}),
    ...(path === undefined ? {} : { path }),
    ...(status === undefined ? {} : { status }),
  } as Redirect;
}

/** Reads `api=90,canary=10`: pools and their weights. */
export function parseSplit(texts: readonly string[]): NonNullable<RouteInput['split']> {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const [, pool, weight] = /^\s*([^=\s]+)\s*=\s*(\d{1,5})\s*%?\s*$/.exec(text) ?? [];
      if (pool === undefined || weight === undefined)
        throw usageError(
          `${JSON.stringify(text)} is not POOL=WEIGHT`,
          'Write a split as api=90,canary=10: weights relative to each other',
        );
      return { pool, weight: Number(weight) };
    });
}

/** One alone is itself, several are a list, none is nothing. */
export function oneOrSeveral(values: readonly string[]): string | string[] | undefined {
  return values.length > 1 ? [...values] : values[0];
}

/** Leaves out what is not there. */
export function compact<T extends object>(fields: T): Partial<T> | undefined {
  const entries = Object.entries(fields).filter(
    ([, value]) =>
      value !== undefined &&
      !(typeof value === 'object' && value !== null && Object.keys(value).length === 0),
  );
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<T>);
}
