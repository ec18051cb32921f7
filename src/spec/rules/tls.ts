import type { FieldError } from '../../base/errors.ts';
import { MAX_DOMAINS } from '../tls.ts';
import { array, durationOf, fault, record } from './raw.ts';

/** What means nothing where TLS goes through to the backend. */
const TERMINATING = ['domain', 'domains', 'certificate', 'clientCa'];
const YEAR_MS = 365 * 86_400_000;

/** What must hold between the fields of TLS and the type of a load balancer. */
export function tlsErrors(spec: Record<string, unknown>): FieldError[] {
  if (spec['tls'] === undefined) return [];
  const tls = record(spec['tls']);
  return [
    ...modeErrors(spec['type'], tls),
    ...domainErrors(tls),
    ...challengeErrors(spec['type'], tls),
    ...hstsErrors(spec['type'], tls['hsts']),
  ];
}

function modeErrors(type: unknown, tls: Record<string, unknown>): FieldError[] {
  if (tls['mode'] !== 'passthrough') return [];
  if (type === 'http')
    return [
      fault(
        '/spec/tls/mode',
        'conflict',
        'an http load balancer must read requests; TLS goes through a tcp one',
      ),
    ];
  if (type !== 'tcp') return [];
  return TERMINATING.filter((field) => tls[field] !== undefined).map((field) =>
    fault(`/spec/tls/${field}`, 'conflict', 'means nothing where TLS goes through to the backend'),
  );
}

function domainErrors(tls: Record<string, unknown>): FieldError[] {
  const errors: FieldError[] = [];
  if (tls['domain'] !== undefined && tls['domains'] !== undefined)
    errors.push(fault('/spec/tls/domains', 'conflict', 'give either domain or domains'));
  const seen = new Set<unknown>();
  for (const [index, text] of array(tls['domains']).slice(0, MAX_DOMAINS).entries()) {
    const domain = typeof text === 'string' ? text.toLowerCase() : text;
    if (seen.has(domain)) errors.push(fault(`/spec/tls/domains/${index}`, 'duplicate', 'is named twice'));
    seen.add(domain);
  }
  return errors;
}

function challengeErrors(type: unknown, tls: Record<string, unknown>): FieldError[] {
  if (tls['challenge'] !== 'http') return [];
  const domains = [...array(tls['domains']), tls['domain']];
  const wildcard = domains.find((domain) => typeof domain === 'string' && domain.startsWith('*.'));
  if (wildcard !== undefined)
    return [
      fault(
        '/spec/tls/challenge',
        'conflict',
        'must be dns: a CA gives certificates for wildcards by DNS alone',
      ),
    ];
  if (type !== 'tcp' || tls['mode'] === 'passthrough') return [];
  return [
    fault(
      '/spec/tls/challenge',
      'conflict',
      'must be dns: a tcp load balancer cannot answer the CA on port 80',
    ),
  ];
}

function hstsErrors(type: unknown, value: unknown): FieldError[] {
  if (value === undefined || value === false) return [];
  if (type === 'tcp')
    return [
      fault('/spec/tls/hsts', 'conflict', 'needs an http load balancer: a tcp one does not read requests'),
    ];
  const hsts = record(value);
  if (hsts['preload'] !== true) return [];
  const maxAge = hsts['maxAge'] === undefined ? Infinity : (durationOf(hsts['maxAge']) ?? Infinity);
  return [
    ...(hsts['includeSubDomains'] === true
      ? []
      : [fault('/spec/tls/hsts/includeSubDomains', 'conflict', 'must be true for preload')]),
    ...(maxAge >= YEAR_MS
      ? []
      : [fault('/spec/tls/hsts/maxAge', 'conflict', 'must be at least 365d for preload')]),
  ];
}
