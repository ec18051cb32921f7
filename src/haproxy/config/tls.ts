import { durationMs } from '../../base/duration.ts';
import { boundPort } from '../../spec/host-layout.ts';
import type { ServiceModel } from '../model.ts';
import { clientCaFile, revocationFile } from './files.ts';
import { HOST, WILDCARD_HOST } from './host.ts';
import { lookupPaths } from './lookup-paths.ts';
import { servicePaths } from './paths.ts';
import { quote } from './quote.ts';

export const HTTPS_PORT = 443;

/** What a client may be told of a certificate that it has shown, by the header that tells the backend. */
const CLIENT_HEADERS = {
  Subject: 'ssl_c_s_dn(,0,rfc2253)',
  Issuer: 'ssl_c_i_dn(,0,rfc2253)',
  Serial: 'ssl_c_serial,hex',
  'Not-After': 'ssl_c_notafter',
  Sha256: 'ssl_c_der,sha2(256),hex',
} as const;

/** The options of a port on which TLS ends. */
export function tlsOptions(model: ServiceModel): string {
  const { id, layout, spec } = model;
  const list = quote(servicePaths(id, layout).certificateList);
  const alpn = spec.type === 'http' ? ` alpn ${spec.http2 ? 'h2,http/1.1' : 'http/1.1'}` : '';
  return ` ssl crt-list ${list}${alpn} ssl-min-ver TLSv${spec.tls?.minVersion ?? '1.2'}${clientOptions(model)}`;
}

function clientOptions(model: ServiceModel): string {
  const { clientCa } = model.spec.tls ?? {};
  if (!clientCa) return '';
  const { certificates, revocationLists, verify } = clientCa;
  const revoked =
    revocationLists === undefined ? '' : ` crl-file ${quote(revocationFile(model, revocationLists).path)}`;
  return ` verify ${verify} ca-file ${quote(clientCaFile(model, certificates).path)}${revoked}`;
}

/** Sends plain HTTP to HTTPS, for hosts with a real certificate. The answer to a CA's challenge came before. */
export function redirectLines(model: ServiceModel): string[] {
  const list = quote(lookupPaths(model).redirectedHosts);
  const port = boundPort(HTTPS_PORT, model.layout);
  const place = `https://%[var(${HOST})]${port === HTTPS_PORT ? '' : `:${port}`}%[pathq]`;
  const isPlain = '!{ ssl_fc } redirecting redirected !challenge';
  return [
    `acl redirected var(${HOST}) -m str -f ${list}`,
    `acl redirected ${WILDCARD_HOST} -m str -f ${list}`,
    // What is not only read keeps its method and body by 308 alone.
    `http-request redirect location ${place} code 301 if ${isPlain} { method GET HEAD }`,
    `http-request redirect location ${place} code 308 if ${isPlain}`,
  ];
}

/** Has browsers come by HTTPS alone (RFC 6797). Over plain HTTP it is never sent, nor with a placeholder. */
export function hstsLines(model: ServiceModel): string[] {
  const { hsts } = model.spec.tls ?? {};
  if (!hsts) return [];
  const list = quote(lookupPaths(model).certifiedHosts);
  const value = [
    `max-age=${Math.floor(durationMs(hsts.maxAge) / 1000)}`,
    ...(hsts.includeSubDomains ? ['includeSubDomains'] : []),
    ...(hsts.preload ? ['preload'] : []),
  ].join('; ');
  return [
    `acl certified var(${HOST}) -m str -f ${list}`,
    `acl certified ${WILDCARD_HOST} -m str -f ${list}`,
    `http-after-response set-header Strict-Transport-Security ${quote(value)} if { ssl_fc } certified`,
  ];
}

/** Refuses what comes without TLS where a client certificate is required: it cannot show one there. */
export function clientCertificateLines({ spec }: Pick<ServiceModel, 'spec'>): string[] {
  return spec.tls?.clientCa?.verify === 'required'
    ? ['http-request deny deny_status 403 if !{ ssl_fc }']
    : [];
}

/** Tells backends of the client's certificate. What a client says of it itself is taken away. */
export function clientCertificateHeaders({ spec }: Pick<ServiceModel, 'spec'>): string[] {
  if (!spec.tls?.clientCa) return [];
  const isShown = '{ ssl_c_used } { ssl_c_verify 0 }';
  return [
    // Some backends take an underscore in a name for a hyphen.
    'http-request del-header ^x[-_]client[-_]cert[-_] -m reg',
    // A proxy behind this one would take away what is named there (RFC 9110, section 7.6.1).
    'http-request del-header Connection if { req.hdr(Connection) -m sub -i x-client-cert }',
    `http-request set-header X-Client-Cert-Verified true if ${isShown}`,
    `http-request set-header X-Client-Cert-Verified false unless ${isShown}`,
    ...Object.entries(CLIENT_HEADERS).map(
      ([name, value]) => `http-request set-header X-Client-Cert-${name} %[${value}] if ${isShown}`,
    ),
  ];
}
