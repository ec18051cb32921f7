import type { JsonObject } from '../../api/openapi.ts';
import { type Html, html, prose } from './html.ts';

/** The fields of an object schema as a table; of any other schema its type. */
export function schemaTable(schema: JsonObject): Html {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonObject>);
  if (properties.length === 0) return html`<p>${typeOf(schema)}</p>`;
  const required = new Set((schema['required'] ?? []) as string[]);
  const rows = properties.map(([name, field]) => {
    const mark = required.has(name) ? html`<br /><small>required</small>` : undefined;
    return html`<tr>
      <td><code>${name}</code>${mark}</td>
      <td>${typeOf(field)}</td>
      <td>${prose(text(field['description']))}</td>
    </tr>`;
  });
  return html`<table>
    <thead>
      <tr>
        <th>Field</th>
        <th>Type</th>
        <th>Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

/** A schema's type in a few words; named schemas are linked. */
export function typeOf(schema: JsonObject): Html {
  const reference = schema['$ref'];
  if (typeof reference === 'string') return linkTo(reference);
  const options = (schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']) as JsonObject[] | undefined;
  if (options) return join(options.map(typeOf), ' or ');
  const values = schema['enum'] as unknown[] | undefined;
  if (values)
    return join(
      values.map((value) => html`<code>${String(value)}</code>`),
      ', ',
    );
  if (schema['const'] !== undefined) return html`<code>${JSON.stringify(schema['const'])}</code>`;
  if (schema['type'] === 'array') return html`list of ${typeOf((schema['items'] ?? {}) as JsonObject)}`;
  return html`${text(schema['type']) || 'any'}`;
}

function linkTo(reference: string): Html {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return html`<a href="#schema-${name}">${name}</a>`;
}

function join(parts: readonly Html[], separator: string): Html {
  return { html: parts.map((part) => part.html).join(separator) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
