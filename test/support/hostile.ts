import { hostileTraffic } from './hostile-traffic.ts';
import { type HostileBody, TEXTS, WRONG_TYPES } from './hostile-values.ts';

const BACKEND = { target: '10.0.0.7:8080' };

function http(spec: Record<string, unknown>, name: unknown = 'web-lb'): unknown {
  return { name, spec: { type: 'http', ...spec } };
}

/** More than 200 of them, each for a reason of its own. */
export function hostileBodies(): HostileBody[] {
  const bodies: HostileBody[] = [];
  const add = (name: string, body: unknown) => bodies.push({ name, body });
  for (const [what, text] of Object.entries(TEXTS)) {
    add(`a name with ${what}`, http({}, text));
    add(`a target host with ${what}`, http({ backends: [{ target: `${text}:80` }] }));
    add(`an algorithm with ${what}`, http({ algorithm: `header:${text}` }));
    add(`a check host with ${what}`, http({ healthCheck: { type: 'http', host: text } }));
    add(`an interval with ${what}`, http({ healthCheck: { interval: text } }));
    add(`a VPC with ${what}`, http({ vpc: text }));
    add(`a domain with ${what}`, http({ tls: { domain: text } }));
    add(`expected statuses with ${what}`, http({ healthCheck: { type: 'http', expectStatus: text } }));
  }
  for (const [what, text] of Object.entries(TEXTS)) {
    if (/[ \t\n\r\0"#\\{}<]|é|🙂|\u202e/.test(text) || text === '' || text.length > 5000)
      add(
        `a check path with ${what}`,
        http({ healthCheck: { type: 'http', path: `/${text}` === '/' ? '' : `/${text}` } }),
      );
    if (/[\n\r\0\t]/.test(text) || text === '' || text.length > 5000)
      add(`an expected body with ${what}`, http({ healthCheck: { type: 'http', expectBody: text } }));
  }
  for (const [what, value] of Object.entries(WRONG_TYPES)) {
    add(`the whole body is ${what}`, value);
    add(`a name that is ${what}`, http({}, value));
    add(`a spec that is ${what}`, { name: 'web-lb', spec: value });
    add(`a type that is ${what}`, { name: 'web-lb', spec: { type: value } });
    if (what !== 'a list') add(`backends that are ${what}`, http({ backends: value }));
    add(`a backend that is ${what}`, http({ backends: [value] }));
    add(`a target that is ${what}`, http({ backends: [{ target: value }] }));
    if (what !== 'a number')
      add(`a weight that is ${what}`, http({ backends: [{ ...BACKEND, weight: value }] }));
    if (what !== 'an object') add(`a health check that is ${what}`, http({ healthCheck: value }));
    if (what !== 'a number')
      add(`a port that is ${what}`, { name: 'db', spec: { type: 'tcp', port: value } });
    if (what !== 'an object')
      add(`labels that are ${what}`, { name: 'web-lb', labels: value, spec: { type: 'http' } });
    if (what !== 'an object') add(`TLS that is ${what}`, http({ tls: value }));
  }
  let nested: unknown = {};
  for (let depth = 0; depth < 2000; depth++) nested = { spec: nested };
  add('a deep nest of objects', nested);
  add('a deep nest in a known field', http({ healthCheck: nested }));
  add('an unknown field', http({ colour: 'red' }));
  add('an unknown field of a backend', http({ backends: [{ ...BACKEND, colour: 'red' }] }));
  add('an unknown field of the body', { name: 'web-lb', status: {}, spec: { type: 'http' } });
  add('a prototype', JSON.parse('{"name":"web-lb","__proto__":{"admin":true},"spec":{"type":"http"}}'));
  add('a constructor', { name: 'web-lb', constructor: { prototype: {} }, spec: { type: 'http' } });
  add('a target twice', http({ backends: [BACKEND, BACKEND] }));
  add(
    'a target twice in other letters',
    http({ backends: [{ target: 'Web-1:80' }, { target: 'web-1:80' }] }),
  );
  add(
    'an IPv6 target twice in other forms',
    http({ backends: [{ target: '[fd00::7]:80' }, { target: '[fd00:0:0::7]:80' }] }),
  );
  add('a timeout as long as the interval', http({ healthCheck: { interval: '2s', timeout: '2s' } }));
  add('a timeout beyond the interval', http({ healthCheck: { interval: '1s', timeout: '1m' } }));
  add('a timeout beyond the default interval', http({ healthCheck: { timeout: '10s' } }));
  add('a weight over 256', http({ backends: [{ ...BACKEND, weight: 257 }] }));
  add('port 0', { name: 'db', spec: { type: 'tcp', port: 0 } });
  add('port 65536', { name: 'db', spec: { type: 'tcp', port: 65_536 } });
  add('tcp without a port', { name: 'db', spec: { type: 'tcp' } });
  add('tcp with a path to check', {
    name: 'db',
    spec: { type: 'tcp', port: 5432, healthCheck: { path: '/' } },
  });
  add('tcp that looks at headers', {
    name: 'db',
    spec: { type: 'tcp', port: 5432, algorithm: 'header:X-Id' },
  });
  add('a tcp check with a path', http({ healthCheck: { type: 'tcp', path: '/' } }));
  add('plain HTTP on 443', http({ port: 443 }));
  add('fall 0', http({ healthCheck: { fall: 0 } }));
  add('domain and domains', http({ tls: { domain: 'a.example.com', domains: ['b.example.com'] } }));
  add('a domain twice', http({ tls: { domains: ['a.example.com', 'A.example.com'] } }));
  for (const target of [
    'web-1',
    'web-1:',
    ':80',
    'web-1:0',
    'web-1:65536',
    'web-1:080',
    'web-1:8o',
    '10.0.0.256:80',
    '10.0.0:80',
    '0x7f.1:80',
    '010.0.0.1:80',
    'fd00::7:80',
    '[fd00::7]',
    '[web-1]:80',
    '[fe80::1%eth0]:80',
    'http://web-1:80',
    'web-1:80/path',
    'user@web-1:80',
    'web..1:80',
    '-web:80',
    'web-:80',
    '127.1:80',
    '2130706433:80',
  ]) {
    add(`the target ${target}`, http({ backends: [{ target }] }));
  }
  return [...bodies, ...hostileTraffic()];
}
