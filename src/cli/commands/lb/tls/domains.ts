/** One domain is `domain`, several are `domains`. */
export function tlsDomains(domains: readonly string[]): { domain: string } | { domains: string[] } {
  const [only] = domains;
  return domains.length === 1 && only !== undefined ? { domain: only } : { domains: [...domains] };
}
