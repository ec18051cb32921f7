import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';

/**
 * Refuses or mends requests whose form leads past all that is decided by path, header or method. CONNECT and an absolute form
 * without a path have none, and `*` is none that a route knows, though HAProxy and backends may take it for `/`
 * (RFC 9112, section 3.2). What is spoken after an upgrade to `h2c` would be seen by no rule (RFC 9113, section 3.1 has taken it out).
 */
export const FORM_LINES: readonly string[] = [
  'http-request deny deny_status 400 if !{ path_beg / }',
  'http-request del-header Upgrade if { req.hdr(Upgrade) -m sub -i h2c }',
];

/** HTTP/2 that begins without TLS or ALPN, by its preface, is another thing than what ALPN offers. */
export function prefaceLines({ http2 }: Pick<LoadBalancerSpec, 'http2'>): string[] {
  return http2 ? [] : ['option disable-h2-upgrade'];
}
