import { domainsOf } from '../../spec/tls.ts';
import type { ServiceModel } from '../model.ts';
import { HOST } from './host.ts';
import { lookupPaths } from './lookup-paths.ts';
import { quote } from './quote.ts';

/** Key of the map of challenges under which the account's thumbprint stands. */
export const THUMBPRINT_KEY = '_thumb';

/** Entry of the list of redirected hosts that is there when there are others. No host has that name, not even as `*`. */
export const ANY_REDIRECT = '/any';

const TOKEN = '^/[.]well-known/acme-challenge/[A-Za-z0-9_-]{16,128}$';

/**
 * Answers a CA that wants to see that a host is ours (HTTP-01, RFC 8555, section 8.3): the token with the thumbprint of the
 * account, which is the same on every node. Nothing may come before these rules that refuses, redirects or counts.
 */
export function challengeLines(model: ServiceModel): string[] {
  const { challenges, challengeHosts, redirectedHosts } = lookupPaths(model);
  return [
    'acl challenge path_beg /.well-known/acme-challenge/',
    `acl redirecting str(${ANY_REDIRECT}) -m str -f ${quote(redirectedHosts)}`,
    `acl challenge-token path -m reg ${quote(TOKEN)}`,
    `acl challenge-host var(${HOST}) -m str -f ${quote(challengeHosts)}`,
    `http-request set-var(txn.thumbprint) str(${THUMBPRINT_KEY}),map_str(${quote(challenges)}) if challenge challenge-token challenge-host`,
    `http-request return status 200 content-type text/plain lf-string '%[path,field(4,/)].%[var(txn.thumbprint)]' if { var(txn.thumbprint) -m found }`,
  ];
}

/** Domains that are shown to be ours by an answer on port 80. */
export function challengedHosts({ spec }: Pick<ServiceModel, 'spec'>): readonly string[] {
  return spec.tls?.challenge === 'http' ? domainsOf(spec.tls) : [];
}
