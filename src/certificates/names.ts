const NAME = /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Each name is a certificate of its own: one dead name then keeps no other from being renewed. */
export function certificateNames(domains: readonly string[]): string[] {
  return [...new Set(domains.map((domain) => domain.toLowerCase()))].filter((domain) => NAME.test(domain));
}

export function isWildcard(name: string): boolean {
  return name.startsWith('*.');
}

/** The name without the wildcard: whose record proves it. */
export function provenName(name: string): string {
  return isWildcard(name) ? name.slice(2) : name;
}

/** The TXT record that proves a name by DNS (RFC 8555, section 8.4). */
export function challengeRecord(name: string): string {
  return `_acme-challenge.${provenName(name)}`;
}

/** The folder and lineage of a name; no domain has a line in the place of its star. */
export function folderOf(name: string): string {
  return name.replace(/^\*/, '_wildcard');
}

/** The name that a folder is for; undefined when it is none of ours. */
export function nameOfFolder(folder: string): string | undefined {
  const name = folder.replace(/^_wildcard/, '*');
  return NAME.test(name) ? name : undefined;
}
