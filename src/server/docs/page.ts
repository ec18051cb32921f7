import { createHash } from 'node:crypto';
import type { JsonObject } from '../../api/openapi.ts';
import { ERROR_CODES } from '../../base/errors.ts';
import { type Html, html, prose } from './html.ts';
import { operationSection } from './operation.ts';
import { schemaTable } from './schema-table.ts';
import { STYLE } from './style.ts';

/** An operation of the document with where it is. */
export interface DocumentedOperation {
  method: string;
  path: string;
  operation: JsonObject;
}

/** The reference as one page with nothing to load, and the policy that lets nothing load. */
export function renderDocsPage(document: JsonObject): { html: string; contentSecurityPolicy: string } {
  const info = document['info'] as { title: string; version: string; description: string };
  const groups = [
    ...Map.groupBy(operationsOf(document), ({ operation }) => (operation['tags'] as string[])[0] ?? ''),
  ];
  const components = document['components'] as { schemas: Record<string, JsonObject> };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>${info.title} API</title>
        ${{ html: `<style>${STYLE}</style>` }}
      </head>
      <body>
        <nav>${navigation(groups)}</nav>
        <main>
          <h1>${info.title} API ${info.version}</h1>
          ${prose(info.description)}
          <p>The same as a document for programs: <a href="/openapi.json">openapi.json</a>.</p>
          ${groups.map(
            ([tag, operations]) =>
              html`<h2 id="tag-${slug(tag)}">${tag}</h2>
                ${operations.map(operationSection)}`,
          )}
          <h2 id="schemas">Schemas</h2>
          ${Object.entries(components.schemas).map(schemaSection)}
          <h2 id="errors">Errors</h2>
          ${errorTable()}
        </main>
      </body>
    </html>`;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return { html: page.html, contentSecurityPolicy: policy };
}

function operationsOf(document: JsonObject): DocumentedOperation[] {
  const paths = document['paths'] as Record<string, Record<string, JsonObject>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

function navigation(groups: readonly (readonly [string, DocumentedOperation[]])[]): Html {
  const parts = groups.map(([tag, operations]) => {
    const items = operations.map(
      ({ operation }) =>
        html`<li><a href="#${String(operation['operationId'])}">${String(operation['summary'])}</a></li>`,
    );
    return html`<strong><a href="#tag-${slug(tag)}">${tag}</a></strong>
      <ul>
        ${items}
      </ul>`;
  });
  return html`${parts}
    <ul>
      <li><a href="#schemas">Schemas</a></li>
      <li><a href="#errors">Errors</a></li>
    </ul>`;
}

function schemaSection([name, schema]: [string, JsonObject]): Html {
  const description = typeof schema['description'] === 'string' ? schema['description'] : '';
  return html`<h3 id="schema-${name}">${name}</h3>
    ${prose(description)}${schemaTable(schema)}`;
}

function errorTable(): Html {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { status, title }]) =>
      html`<tr id="error-${code}">
        <td><code>${code}</code></td>
        <td>${status}</td>
        <td>${title}</td>
      </tr>`,
  );
  return html`<table>
    <thead>
      <tr>
        <th>Code</th>
        <th>Status</th>
        <th>Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
