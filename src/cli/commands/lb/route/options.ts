import type { HeaderChanges } from '../../../../spec/header.ts';
import type { RouteInput } from '../../../../spec/route.ts';
import type { OptionValues, Options } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { parseHeaders } from '../../../header-text.ts';
import { compact, oneOrSeveral, parseRedirect, parseSplit } from './parts.ts';

/** What a route matches. */
export const MATCH_OPTIONS = {
  host: { value: 'HOST', repeat: true, summary: 'Host that was asked for; *.example.com is any first label' },
  path: { value: 'PATH', summary: 'The whole path, exactly' },
  pathPrefix: { value: 'PATH', summary: 'First segments of the path: /api is /api and /api/v1, not /apifoo' },
  header: {
    value: 'HEADER',
    repeat: true,
    summary: 'A header with its value: "X-Canary: 1"; * is any value',
  },
  method: { value: 'METHOD', repeat: true, summary: 'A method, such as GET' },
} as const satisfies Options;

/** What a route does. */
export const ACTION_OPTIONS = {
  pool: { value: 'POOL', summary: 'Send to this pool', completes: 'pool' },
  split: { value: 'POOL=WEIGHT,...', summary: 'Send to several pools by weight: api=90,canary=10' },
  redirect: { value: 'URL', summary: 'Send the client elsewhere: a URL, a path, or https:// alone' },
  respond: { value: 'STATUS', integer: true, summary: 'Answer with this status, without a backend' },
  status: { value: 'STATUS', integer: true, summary: 'Status of --redirect; without it, 302' },
  body: { value: 'TEXT', summary: 'Body of --respond' },
  contentType: { value: 'TYPE', summary: 'Media type of the body; without it, text/plain' },
} as const satisfies Options;

/** What a route changes on the way. */
export const CHANGE_OPTIONS = {
  rewritePathPrefix: {
    value: 'PATH',
    summary: 'What the backend gets in place of --path-prefix; / takes it away',
  },
  rewritePath: { value: 'PATH', summary: 'The path that the backend gets' },
  rewriteHost: { value: 'HOST', summary: 'The Host header that the backend gets' },
  setRequestHeader: {
    value: 'HEADER',
    repeat: true,
    summary: 'Set a header for the backend: "X-Env: canary"',
  },
  removeRequestHeader: {
    value: 'NAME',
    repeat: true,
    summary: 'Take a header away before the backend gets it',
  },
  setResponseHeader: { value: 'HEADER', repeat: true, summary: 'Set a header for the client' },
  removeResponseHeader: {
    value: 'NAME',
    repeat: true,
    summary: 'Take a header away before the client gets it',
  },
} as const satisfies Options;

type Given = OptionValues<typeof MATCH_OPTIONS & typeof ACTION_OPTIONS & typeof CHANGE_OPTIONS>;

/** The route that the flags say. The control plane judges the values. */
export function readRoute(options: Given): Omit<RouteInput, 'name'> {
  return { match: readMatch(options), ...readAction(options), ...readChanges(options) };
}

function readMatch({ host, path, pathPrefix, header, method }: Given): RouteInput['match'] {
  const match = { host: oneOrSeveral(host), path, pathPrefix, header: parseHeaders(header, '--header') };
  return { ...compact({ ...match, method: oneOrSeveral(method) }) };
}

function readAction(options: Given): Partial<RouteInput> {
  const { pool, split, redirect, respond } = options;
  const given = Object.entries({ pool, split, redirect, respond }).filter(([, value]) => value !== undefined);
  if (given.length !== 1)
    throw usageError(
      given.length === 0
        ? 'what the route does is missing'
        : `a route does one thing, not ${given.map(([key]) => `--${key}`).join(' and ')}`,
      'Give one of --pool api, --split api=90,canary=10, --redirect https://www.example.com and --respond 200',
    );
  refuseStray(options);
  if (split !== undefined) return { split: parseSplit([split]) };
  if (redirect !== undefined) return { redirect: parseRedirect(redirect, options.status) };
  if (respond === undefined) return pool === undefined ? {} : { pool };
  const { body, contentType } = options;
  return { respond: { status: respond, ...compact({ body, contentType }) } as RouteInput['respond'] };
}

/** Flags that belong to an action which was not chosen. */
function refuseStray({ redirect, respond, status, body, contentType }: Given): void {
  if (status !== undefined && redirect === undefined)
    throw usageError('--status belongs to --redirect', 'The status of an answer is --respond 200');
  if ((body !== undefined || contentType !== undefined) && respond === undefined)
    throw usageError('--body and --content-type belong to --respond', 'Add --respond 200');
}

function readChanges(options: Given): Partial<RouteInput> {
  const { rewritePath, rewritePathPrefix, rewriteHost } = options;
  const rewrite = compact({ path: rewritePath, pathPrefix: rewritePathPrefix, host: rewriteHost });
  const request = changes(options.setRequestHeader, options.removeRequestHeader, '--set-request-header');
  const response = changes(options.setResponseHeader, options.removeResponseHeader, '--set-response-header');
  return { ...compact({ rewrite, headers: compact({ request, response }) }) } as Partial<RouteInput>;
}

function changes(set: readonly string[], remove: readonly string[], flag: string): Partial<HeaderChanges> {
  return { ...compact({ set: parseHeaders(set, flag), remove: [...remove] }) };
}
