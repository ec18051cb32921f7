import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { given } from '../../../flags.ts';
import { POOL_OPTION, patchOfPool, requirePool } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

/** What stickiness may be said to be, the mode excepted. */
const FIELDS = ['cookieName', 'ttl', 'secure', 'httpOnly', 'sameSite'] as const;

export const set = defineCommand({
  path: ['lb', 'sticky', 'set'],
  summary: 'Keep each client on its backend',
  description:
    'With --mode, what is not said goes back to its default. Without it, the flags change what they name and leave the\nrest. Clients stay where they are when backends come, and while theirs drains.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    mode: {
      value: 'MODE',
      choices: ['cookie', 'source-ip'],
      summary: 'How a client is known again: by a cookie (http) or by its address',
    },
    cookieName: { value: 'COOKIE', summary: 'Name of the cookie; without it, SERVERID' },
    ttl: {
      value: 'DURATION',
      summary:
        'cookie: its Max-Age, else it ends with the browser; source-ip: how long an unseen address stays',
    },
    secure: { negatable: true, summary: 'The cookie’s attribute Secure; without it, where HTTPS was spoken' },
    httpOnly: { negatable: true, summary: 'The cookie’s attribute HttpOnly (the default)' },
    sameSite: {
      value: 'POLICY',
      choices: ['strict', 'lax', 'none'],
      summary: 'The cookie’s attribute SameSite; without it, lax',
    },
    ...POOL_OPTION,
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb sticky set web-lb --mode cookie --cookie-name SERVERID',
    'agentmetal lb sticky set web-lb --mode source-ip --ttl 1h --pool api',
  ],
  async run(ctx, { args, options }) {
    const { mode, pool, cookieName, ttl, secure, httpOnly, sameSite } = options;
    const fields = { cookieName, ttl, secure, httpOnly, sameSite };
    if (Object.keys(given({ mode, ...fields })).length === 0) throw noMode(args.name);
    const patch = (before: LoadBalancer) => {
      const present = requirePool(before, pool).sticky;
      if (mode === undefined && !present) throw noMode(args.name);
      const whole = Object.fromEntries(FIELDS.map((field) => [field, fields[field] ?? null]));
      return patchOfPool(before, pool, { sticky: mode === undefined ? given(fields) : { mode, ...whole } });
    };
    await patchLoadBalancer(ctx, options, { name: args.name, patch });
  },
});

function noMode(name: string): Error {
  return usageError(
    'no mode is given',
    `agentmetal lb sticky set ${name} --mode cookie --cookie-name SERVERID`,
  );
}
