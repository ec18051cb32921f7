import { z } from 'zod';
import { AppError } from '../../base/errors.ts';
import type { Labels } from '../../spec/name.ts';
import { type LabelSelector, matchesLabels, parseLabelSelector } from '../../spec/label-selector.ts';
import type { Answer, ApiRequest } from './handler.ts';

interface PageQuery {
  limit: number;
  cursor?: string | undefined;
  labelSelector?: string | undefined;
}

const Cursor = z.strictObject({ after: z.union([z.string().max(300), z.int()]) });

/** Where the page starts: what the last page ended with, or `first`. */
export function pageStart<T extends string | number>(query: PageQuery, first: T): T {
  if (query.cursor === undefined) return first;
  const parsed = Cursor.safeParse(decodeCursor(query.cursor));
  if (!parsed.success || typeof parsed.data.after !== typeof first) {
    throw new AppError('invalid_request', 'the cursor is none that this list gave', {
      hint: 'Use `nextCursor` of the page before as it is, or leave the cursor out to start again.',
    });
  }
  return parsed.data.after as T;
}

/** Reads items in batches until the page is full or the list is at its end, leaving out those not selected. */
export async function selectPage<T extends { name: string; labels: Labels }>(
  query: PageQuery,
  read: (after: string, limit: number) => Promise<T[]>,
): Promise<T[]> {
  const selector = readSelector(query);
  const wanted = query.limit + 1;
  const found: T[] = [];
  let after = pageStart<string>(query, '');
  for (;;) {
    const batch = await read(after, wanted);
    found.push(...batch.filter(({ labels }) => matchesLabels(selector, labels)));
    const last = batch.at(-1);
    if (found.length >= wanted || batch.length < wanted || !last) return found.slice(0, wanted);
    after = last.name;
  }
}

/** Answers a page of which one item more than asked for was read, to know whether there is another. */
export function pageAnswer<T>(
  request: Pick<ApiRequest, 'url'> & { query: PageQuery },
  items: readonly T[],
  cursorOf: (item: T) => string | number,
  view: (item: T) => unknown,
): Answer {
  const page = items.slice(0, request.query.limit);
  const last = page.at(-1);
  const nextCursor = items.length > page.length && last ? encodeCursor(cursorOf(last)) : null;
  return {
    status: 200,
    body: { items: page.map(view), nextCursor },
    headers: nextCursor === null ? {} : { link: `<${nextUrl(request.url, nextCursor)}>; rel="next"` },
  };
}

function readSelector({ labelSelector }: PageQuery): LabelSelector {
  if (labelSelector === undefined || labelSelector.trim() === '') return [];
  const selector = parseLabelSelector(labelSelector);
  if (selector) return selector;
  throw new AppError('invalid_request', 'the labelSelector cannot be read', {
    hint: 'Terms by commas: key, !key, key=value or key!=value, such as env=prod,tier!=cache.',
  });
}

function encodeCursor(after: string | number): string {
  return Buffer.from(JSON.stringify({ after })).toString('base64url');
}

function decodeCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown;
  } catch {
    // Whatever is no JSON is no cursor of ours; the caller's check says so.
    return undefined;
  }
}

function nextUrl(url: string, cursor: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `${path}?${parameters.toString()}`;
}
