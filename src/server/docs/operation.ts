import type { JsonObject } from '../../api/openapi.ts';
import { type Html, html, prose } from './html.ts';
import type { DocumentedOperation } from './page.ts';
import { typeOf } from './schema-table.ts';

interface Media {
  schema?: JsonObject;
  examples?: Record<string, { value: unknown }>;
}

/** One operation: how it is called, with what, and what comes back. */
export function operationSection({ method, path, operation }: DocumentedOperation): Html {
  const id = String(operation['operationId']);
  return html`<section id="${id}">
    <h3>${String(operation['summary'])}</h3>
    <p class="call"><span class="method">${method}</span> ${path}</p>
    ${prose(String(operation['description']))}
    ${parameterTable((operation['parameters'] ?? []) as JsonObject[])}
    ${bodySection(operation['requestBody'] as { content: Record<string, Media> } | undefined)}
    ${responseTable(operation['responses'] as Record<string, { description: string; content?: Record<string, Media> }>)}
  </section>`;
}

function parameterTable(parameters: readonly JsonObject[]): Html | undefined {
  if (parameters.length === 0) return undefined;
  const rows = parameters.map(
    ({ name, in: where, schema, description }) =>
      html`<tr>
        <td><code>${String(name)}</code></td>
        <td>${String(where)}</td>
        <td>${typeOf(schema as JsonObject)}</td>
        <td>${prose(typeof description === 'string' ? description : '')}</td>
      </tr>`,
  );
  return html`<h4>Parameters</h4>
    <table>
      <tbody>
        ${rows}
      </tbody>
    </table>`;
}

function bodySection(body: { content: Record<string, Media> } | undefined): Html | undefined {
  const media = body?.content['application/json'];
  if (!media) return undefined;
  const examples = Object.values(media.examples ?? {}).map(
    ({ value }) => html`<pre><code>${JSON.stringify(value, undefined, 2)}</code></pre>`,
  );
  return html`<h4>Body</h4>
    <p>${typeOf(media.schema ?? {})}</p>
    ${examples}`;
}

function responseTable(
  responses: Record<string, { description: string; content?: Record<string, Media> }>,
): Html {
  const rows = Object.entries(responses).map(([status, { description, content = {} }]) => {
    const [media] = Object.values(content);
    return html`<tr>
      <td>${status}</td>
      <td>${media?.schema ? typeOf(media.schema) : ''}</td>
      <td>${prose(description)}</td>
    </tr>`;
  });
  return html`<h4>Answers</h4>
    <table>
      <tbody>
        ${rows}
      </tbody>
    </table>`;
}
