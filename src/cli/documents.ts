import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { messageOf } from '../base/errors.ts';
import { usageError } from './failure.ts';
import { fileFault } from './file-fault.ts';
import type { CliIo } from './io.ts';

/** A load balancer as a file says it. Only the control plane judges its fields. */
export interface Document {
  name: string;
  [field: string]: unknown;
}

/** The load balancers of a file, one in each of its documents or in a list; `-` is stdin. */
export async function readDocuments(file: string, io: Pick<CliIo, 'stdin'>): Promise<Document[]> {
  const values = await readValues(file, io);
  if (values.length === 0) throw usageError(`${shown(file)} holds nothing`);
  const documents = values.map((value, index) => {
    if (isRecord(value) && typeof value['name'] === 'string' && value['name'] !== '')
      return { ...value, name: value['name'] };
    const which = values.length === 1 ? '' : `, document ${index + 1},`;
    throw usageError(
      `${shown(file)}${which} has no "name"`,
      'It needs name and spec, as `agentmetal lb export NAME` prints them',
    );
  });
  refuseTwice(file, documents);
  return documents;
}

/** Of two documents for one load balancer, the later would undo the earlier. */
function refuseTwice(file: string, documents: readonly Document[]): void {
  const places = Map.groupBy(documents.keys(), (index) => documents[index]?.name ?? '');
  const twice = [...places]
    .filter(([, indexes]) => indexes.length > 1)
    .map(([name, indexes]) => `${name} (documents ${indexes.map((index) => index + 1).join(', ')})`);
  if (twice.length === 0) return;
  throw usageError(
    `${shown(file)} has several documents of the same name: ${twice.join('; ')}`,
    'Keep one document of each load balancer. Nothing was changed',
  );
}

/** One spec from a file, bare or as a whole load balancer. */
export async function readSpecFile(file: string, io: Pick<CliIo, 'stdin'>): Promise<Record<string, unknown>> {
  const values = await readValues(file, io);
  const [value] = values;
  if (values.length !== 1 || !isRecord(value))
    throw usageError(`${shown(file)} must hold one spec and holds ${values.length} documents`);
  return isRecord(value['spec']) ? value : { spec: value };
}

/** Every document of a YAML or JSON text, with the members of lists as their own; JSON is YAML too. */
async function readValues(file: string, io: Pick<CliIo, 'stdin'>): Promise<unknown[]> {
  const text = await readText(file, io);
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(text, { prettyErrors: true });
  const values: unknown[] = [];
  for (const document of documents) {
    const [fault] = document.errors;
    if (fault) throw usageError(`${shown(file)} is not valid YAML: ${firstLine(fault.message)}`);
    const value: unknown = toValue(file, () => document.toJS());
    if (value !== null && value !== undefined) values.push(...[value].flat());
  }
  return values;
}

function toValue(file: string, read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    throw usageError(`${shown(file)} cannot be read: ${messageOf(error)}`);
  }
}

/** The text of a file; `-` is stdin. */
export async function readText(file: string, { stdin }: Pick<CliIo, 'stdin'>): Promise<string> {
  try {
    return file === '-' ? await readAll(stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`${shown(file)} cannot be read: ${fileFault(error)}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(file: string): string {
  return file === '-' ? 'stdin' : file;
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.replace(/:$/, '') ?? text;
}
