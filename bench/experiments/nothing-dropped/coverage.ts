import { z } from 'zod';
import type { Change } from '../../../src/spec/diff.ts';
import { LoadBalancerInput } from '../../../src/spec/load-balancer.ts';

/** What has but one value, or is said once when it is made. */
const FIXED = ['spec/nodes', 'spec/type'];
/** Members of lists and records, whose names are the user's, stand as this. */
const ANY = '*';

/** Which fields of the spec were changed: paths without the names of members. */
export interface Coverage {
  note(changes: readonly Change[]): void;
  covered(): string[];
  missing(): string[];
}

export function createCoverage(): Coverage {
  const fields = fieldsOf(
    z.toJSONSchema(LoadBalancerInput, { io: 'input', unrepresentable: 'any' }) as Schema,
  );
  const known = new Set(fields.map(asDefaultPool).filter((field) => !FIXED.includes(field)));
  const seen = new Set<string>();
  return {
    note(changes) {
      for (const { pointer, from, to } of changes) {
        const path = pointer.slice(1).split('/');
        for (const leaf of [...leavesOf(path, from), ...leavesOf(path, to)]) {
          const match = fieldOf(asDefaultPool(leaf.join('/')).split('/'), known);
          if (match !== undefined) seen.add(match);
        }
      }
    },
    covered: () => [...known].filter((field) => seen.has(field)),
    missing: () => [...known].filter((field) => !seen.has(field)),
  };
}

/** The fields of a pool are the same for all pools. */
function asDefaultPool(path: string): string {
  return path.replace(/^spec\/pools\/[^/]+\//, 'spec/');
}

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  $ref?: string;
}

function fieldsOf(schema: Schema, path: readonly string[] = []): string[] {
  const inner = [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, part]) => fieldsOf(part, [...path, name])),
    ...(schema.items ? fieldsOf(schema.items, [...path, ANY]) : []),
    ...(typeof schema.additionalProperties === 'object'
      ? fieldsOf(schema.additionalProperties, [...path, ANY])
      : []),
    ...(schema.anyOf ?? []).flatMap((part) => fieldsOf(part, path)),
  ];
  const isList = path.at(-1) === ANY;
  return inner.length > 0 ? [...new Set(inner)] : [(isList ? path.slice(0, -1) : path).join('/')];
}

/** Everything in a value, by its path. */
function leavesOf(path: readonly string[], value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  return [[...path], ...Object.entries(value).flatMap(([name, part]) => leavesOf([...path, name], part))];
}

/** The field of the schema that a path of a value belongs to. */
function fieldOf(path: readonly string[], known: ReadonlySet<string>): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const candidates = [...known].filter((field) => matches(field.split('/'), path.slice(0, length)));
    if (candidates[0] !== undefined) return candidates[0];
  }
  return undefined;
}

function matches(field: readonly string[], path: readonly string[]): boolean {
  return field.length === path.length && field.every((part, index) => part === ANY || part === path[index]);
}
