import { HOSTS } from './request.ts';

/** Networks that nobody comes from. */
export const DENIED = Array.from({ length: 1000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);

/** What a user may turn on, each by itself. */
const sticky = { mode: 'cookie' };
const rateLimit = { requests: 1_000_000_000, window: '10s' };
const routes = HOSTS.map((host, index) => ({ name: `site-${index}`, match: { host }, pool: 'default' }));
const access = { deny: DENIED };
const compression = {};
const headers = { response: { set: { 'Strict-Transport-Security': 'max-age=63072000' } } };

export const FEATURES: Readonly<Record<string, object>> = {
  'cookie stickiness': { sticky },
  'rate limit': { rateLimit },
  '1,000 hosts as routes': { routes },
  '1,000 denied networks': { access },
  'response header': { headers },
  compression: { compression },
  'everything typical': { sticky, rateLimit, routes, headers },
  'everything in this table': { sticky, rateLimit, routes, access, headers, compression },
};

/** What a managed load balancer does without being told, and how to leave it out of a configuration. */
export const BUILT_IN: Readonly<Record<string, (config: string) => string>> = {
  'access log': without(/^ {2}(log |log-format |unique-id-format )/),
  'X-Forwarded-…': without(/^ {2}http-request (add|set)-header X-Forwarded-/),
  'X-Request-ID': without(/^ {2}(unique-id-format |http-request .*(X-Request-ID|txn\.request_id))/),
  'access lists': without(/^ {2}(acl (allowed|denied) |http-request deny deny_status 403)/),
  'repeated requests': without(/^ {2}(retry-on |http-request disable-l7-retry)/),
};

export const allOff = (config: string) =>
  Object.values(BUILT_IN).reduce((text, leaveOut) => leaveOut(text), config);

function without(line: RegExp): (config: string) => string {
  return (config) => {
    const lines = config.split('\n');
    const rest = lines.filter((text) => !line.test(text));
    if (rest.length === lines.length) throw new Error(`the configuration has nothing like ${line}`);
    return rest.join('\n');
  };
}
