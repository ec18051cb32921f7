import { type HostLayout, boundPort } from '../../spec/host-layout.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { ServiceModel } from '../model.ts';
import { servicePaths } from './paths.ts';
import { quote } from './quote.ts';
import type { Section } from './section.ts';

/** The pool that the spec's top-level backends are. */
export const DEFAULT_POOL = 'default';

/** A port that a load balancer listens on. */
export interface Listener {
  port: number;
  tls: boolean;
}

/** The ports of a spec as the machine binds them. */
export function listeners(
  spec: Pick<LoadBalancerSpec, 'type' | 'port'>,
  layout: Pick<HostLayout, 'lowPortOffset'>,
): Listener[] {
  const plain = { port: boundPort(spec.port, layout), tls: false };
  return spec.type === 'tcp' ? [plain] : [plain, { port: boundPort(443, layout), tls: true }];
}

export function frontendSection(model: ServiceModel): Section {
  const binds = listeners(model.spec, model.layout).map((listener) => bindLine(model, listener));
  return {
    header: `frontend ${model.spec.type}`,
    lines: [
      ...binds,
      ...(model.spec.type === 'http' ? requestHeaders() : []),
      `default_backend ${DEFAULT_POOL}`,
    ],
  };
}

function bindLine({ id, address, layout, spec }: ServiceModel, { port, tls }: Listener): string {
  const bind = `bind ${bindAddress(address, port, layout)}`;
  if (!tls) return bind;
  const certificate = quote(servicePaths(id, layout).placeholder);
  return `${bind} ssl crt ${certificate} alpn http/1.1 ssl-min-ver TLSv${spec.tls?.minVersion ?? '1.2'}`;
}

function bindAddress(address: string, port: number, layout: Pick<HostLayout, 'ipv6'>): string {
  if (address === '*') return layout.ipv6 ? `:::${port} v4v6` : `*:${port}`;
  return quote(`${address}:${port}`);
}

/** What a backend is told of the client. X-Forwarded-For is appended to what came, as the clouds do. */
function requestHeaders(): string[] {
  return [
    'option forwardfor',
    'http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]',
    'http-request disable-l7-retry unless { method GET HEAD OPTIONS }',
    'http-request set-header X-Forwarded-Port %[dst_port]',
    'http-request set-header X-Request-ID %[uuid] unless { req.hdr(X-Request-ID) -m found }',
  ];
}
