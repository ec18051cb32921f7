/** One block of a PEM text (RFC 7468). */
export interface PemBlock {
  /** What it says it is, such as `CERTIFICATE`. */
  label: string;
  /** The block with its first and last line. */
  text: string;
}

const BLOCK = /-----BEGIN (?<label>[A-Z0-9 ]{1,60})-----[^-]*-----END \k<label>-----/g;

/** The blocks of a text; what stands between them explains and is left out. */
export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].map((match) => ({
    label: match.groups?.['label'] ?? '',
    text: match[0],
  }));
}
