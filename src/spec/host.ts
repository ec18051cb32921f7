import { z } from 'zod';

const LABEL = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
const NAME = `${LABEL}(\\.${LABEL})*`;
const HOST_PATTERN = new RegExp(`^(?=.{1,253}$)(\\*\\.)?${NAME}$`);
const AUTHORITY = new RegExp(`^(?=[^:]{1,253}(:|$))${NAME}(:(?<port>[1-9]\\d{0,4}))?$`);

function lowerCase(text: string): string {
  return text.toLowerCase();
}

/** A host with an optional wildcard for its first label, in lower case. */
export const HostPattern = z
  .string()
  .overwrite(lowerCase)
  .regex(HOST_PATTERN, 'must be a host such as app.example.com or *.example.com');

function isAuthority(text: string): boolean {
  const match = AUTHORITY.exec(text);
  return match !== null && Number(match.groups?.['port'] ?? 0) <= 65_535;
}

/** A host with or without a port, in lower case. */
export const Authority = z
  .string()
  .overwrite(lowerCase)
  .refine(isAuthority, 'must be a host such as www.example.com, with or without a port');
