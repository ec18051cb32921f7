/** What may stand in haproxy.cfg without quotes: no space, quote, backslash, `#`, `$` or `%`. */
const BARE = /^[A-Za-z0-9_./:@,=+*()[\]-]+$/;

/**
 * Writes one word of haproxy.cfg. Single quotes are the only quoting in which nothing is expanded (configuration
 * manual, section 2.2); a line break would end the directive whatever the quotes, so it is refused.
 * @throws when the text holds a line break or NUL: the spec's schema must have refused it before.
 */
export function quote(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\n\r\u0000]/.test(text))
    throw new Error(`a line break or NUL cannot be written to haproxy.cfg: ${JSON.stringify(text)}`);
  return BARE.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Writes one word where HAProxy reads a log-format string: a `%` would begin a variable there (section 8.2.4). */
export function quoteLogFormat(text: string): string {
  return quote(text.replaceAll('%', '%%'));
}
