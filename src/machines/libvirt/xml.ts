/** A piece of XML whose text is escaped already. */
export interface Markup {
  readonly xml: string;
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; attributes that are undefined are left out. Whatever is given as text is escaped. */
export function element(
  name: string,
  attributes: Attributes = {},
  children: readonly Markup[] | string = [],
): Markup {
  const head = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  const inner = typeof children === 'string' ? escapeXml(children) : children.map(({ xml }) => xml).join('');
  return { xml: inner === '' ? `<${name}${head}/>` : `<${name}${head}>${inner}</${name}>` };
}

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** What XML 1.0 cannot hold at all, escaped or not, is left out. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (character) => NAMED[character] ?? '')
    .replace(/[\t\n\r]/g, (space) => `&#${space.charCodeAt(0)};`);
}
