import { usageError } from './failure.ts';

/** Reads `Name: value` texts; the value may hold further colons. */
export function parseHeaders(texts: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(texts.map((text) => parseHeader(text, flag)));
}

function parseHeader(text: string, flag: string): [name: string, value: string] {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(0, colon)).trim();
  const value = text.slice(colon + 1).trim();
  if (name === '' || value === '')
    throw usageError(
      `${flag} ${JSON.stringify(text)} is not NAME: VALUE`,
      `Write it as ${flag} 'X-Tenant: acme'`,
    );
  return [name, value];
}
