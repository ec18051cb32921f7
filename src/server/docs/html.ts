/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

type Value = Html | string | number | undefined | readonly Html[];

/** Builds HTML; every value that is put in is escaped unless it is HTML already. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: parts.reduce((text, part, index) => text + render(values[index - 1]) + part) };
}

/** Escaped text in which `code` between backticks is set as code and an empty line begins a paragraph. */
export function prose(text: string): Html {
  const paragraphs = escape(text).split(/\n\s*\n/);
  return {
    html: paragraphs.map((part) => `<p>${part.replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`).join(''),
  };
}

function render(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escape(String(value));
  return 'html' in value ? value.html : value.map((part) => part.html).join('');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
