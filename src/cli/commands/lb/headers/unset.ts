import { AppError } from '../../../../base/errors.ts';
import type { HeaderChanges } from '../../../../spec/header.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const unset = defineCommand({
  path: ['lb', 'headers', 'unset'],
  summary: 'Leave headers as they come',
  description: 'Forgets what was said of these headers, for requests and for responses.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'headers', summary: 'Names of headers', variadic: true },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb headers unset web-lb X-Env X-Frame-Options'],
  async run(ctx, { args, options }) {
    const gone = new Set(args.headers.map((name) => name.toLowerCase()));
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: ({ name, spec }) => {
        const directions = [spec.headers?.request, spec.headers?.response];
        const known = directions.flatMap(namesOf).map((each) => each.toLowerCase());
        const missing = args.headers.filter((each) => !known.includes(each.toLowerCase()));
        if (missing.length > 0)
          throw new AppError('not_found', `${name} does nothing with the header ${missing.join(', ')}`, {
            hint: `agentmetal lb export ${name}`,
          });
        const [request, response] = directions.map((changes) => without(changes, gone));
        return { spec: { headers: { request, response } } };
      },
    });
  },
});

function namesOf(changes: HeaderChanges | undefined): string[] {
  return changes ? [...Object.keys({ ...changes.set, ...changes.add }), ...changes.remove] : [];
}

/** A merge patch that forgets some headers. */
function without(changes: HeaderChanges | undefined, gone: ReadonlySet<string>): Record<string, unknown> {
  const nulls = (values: Record<string, string> = {}) =>
    Object.fromEntries(
      Object.keys(values)
        .filter((name) => gone.has(name.toLowerCase()))
        .map((name) => [name, null]),
    );
  const remove = (changes?.remove ?? []).filter((name) => !gone.has(name.toLowerCase()));
  return { set: nulls(changes?.set), add: nulls(changes?.add), remove };
}
