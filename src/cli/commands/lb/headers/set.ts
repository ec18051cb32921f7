import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import type { HeaderChanges } from '../../../../spec/header.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { parseHeaders } from '../../../header-text.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const set = defineCommand({
  path: ['lb', 'headers', 'set'],
  summary: 'Change headers on the way',
  description:
    'What was said of other headers stays. Values are literal text. To change headers for some requests alone:\nagentmetal lb route add NAME --path-prefix /api --pool POOL --set-request-header "X-Env: api"',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    request: { value: 'HEADER', repeat: true, summary: 'Set a header for the backend: "X-Env: prod"' },
    response: { value: 'HEADER', repeat: true, summary: 'Set a header for the client' },
    removeRequest: { value: 'NAME', repeat: true, summary: 'Take a header away before the backend gets it' },
    removeResponse: { value: 'NAME', repeat: true, summary: 'Take a header away before the client gets it' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb headers set web-lb --request "X-Env: prod" --response "X-Frame-Options: DENY"',
    'agentmetal lb headers set web-lb --remove-response Server',
  ],
  async run(ctx, { args, options }) {
    const request = parseHeaders(options.request, '--request');
    const response = parseHeaders(options.response, '--response');
    const { removeRequest, removeResponse } = options;
    if (Object.keys({ ...request, ...response }).length + removeRequest.length + removeResponse.length === 0)
      throw usageError(
        'no header is given',
        `agentmetal lb headers set ${args.name} --request "X-Env: prod"`,
      );
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: ({ spec }: LoadBalancer) => ({
        spec: {
          headers: {
            request: changed(spec.headers?.request, request, removeRequest),
            response: changed(spec.headers?.response, response, removeResponse),
          },
        },
      }),
    });
  },
});

/** What was said of the same header is replaced, however its name was written. */
function changed(
  { set: before = {}, remove: removed = [] }: Partial<HeaderChanges> = {},
  set: Record<string, string>,
  remove: readonly string[],
): Record<string, unknown> {
  const named = new Set([...Object.keys(set), ...remove].map((name) => name.toLowerCase()));
  const replaced = Object.keys(before).filter((name) => named.has(name.toLowerCase()));
  const kept = removed.filter((name) => !named.has(name.toLowerCase()));
  return {
    set: { ...Object.fromEntries(replaced.map((name) => [name, null])), ...set },
    remove: [...kept, ...remove],
  };
}
