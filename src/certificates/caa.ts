/** A CAA record as far as it decides about issuing (RFC 8659). */
export interface CaaRecord {
  tag: string;
  value: string;
  /** Whether a CA that does not know the tag must not issue. */
  critical: boolean;
}

export interface CaaQuestion {
  records: readonly CaaRecord[];
  /** The names by which the CA goes in such records; empty when it has not said. */
  identities: readonly string[];
  wildcard: boolean;
  challenge: 'http' | 'dns';
}

const KNOWN_TAGS = new Set(['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail']);

/** Whether the records forbid the CA to issue. A CA that does not say what it is called is left to judge by itself. */
export function caaForbids({ records, identities, wildcard, challenge }: CaaQuestion): boolean {
  if (records.some(({ tag, critical }) => critical && !KNOWN_TAGS.has(tag.toLowerCase()))) return true;
  if (identities.length === 0) return false;
  const tagged = (name: string) => records.filter(({ tag }) => tag.toLowerCase() === name);
  const wild = tagged('issuewild');
  const deciding = wildcard && wild.length > 0 ? wild : tagged('issue');
  if (deciding.length === 0) return false;
  return !deciding.some(({ value }) => allows(value, identities, challenge));
}

function allows(value: string, identities: readonly string[], challenge: CaaQuestion['challenge']): boolean {
  const [issuer = '', ...parameters] = value.split(';').map((part) => part.trim().toLowerCase());
  if (!identities.some((identity) => identity.toLowerCase() === issuer)) return false;
  const methods = parameters.find((part) => part.startsWith('validationmethods='))?.split('=')[1];
  return methods === undefined || methods.split(',').includes(`${challenge}-01`);
}
