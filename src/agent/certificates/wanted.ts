import type { DesiredLoadBalancer, UploadedBundle } from '../../api/agent.ts';
import { readBundle, splitBundle } from '../../certificates/bundle.ts';
import { certificateNames } from '../../certificates/names.ts';
import { boundPort, type HostLayout } from '../../spec/host-layout.ts';
import { coversHost, domainsOf } from '../../spec/tls.ts';

/** What should be had now for a load balancer. */
export interface WantedCertificates {
  /** Of the load balancer. */
  id: string;
  domains: readonly string[];
  /** How the CA is shown that a name is ours. */
  challenge: 'http' | 'dns';
  /** Whether to renew what has been obtained. */
  autoRenew: boolean;
  /** Addresses that the load balancer listens on. */
  addresses: readonly string[];
  /** Port of plain HTTP, as it is bound. */
  port: number;
  /** How many nodes serve the load balancer, this one among them. Each answers the CA's challenges of all. Default: 1. */
  nodes?: number;
  /** Addresses of the other nodes, by which this one reaches them. Default: none. */
  others?: readonly string[];
}

/** What a name needs, put together from all load balancers that have it: it has one certificate. */
export interface WantedName {
  name: string;
  challenge: 'http' | 'dns';
  autoRenew: boolean;
  addresses: readonly string[];
  port: number;
  /** How many nodes obtain a certificate for it. */
  nodes: number;
  /** Addresses of the others of them, which answer the CA's challenges too. */
  others: readonly string[];
}

const HTTP_PORT = 80;

/** The certificates that a load balancer's spec asks for; undefined when it asks for none. */
export function wantedOf(
  { id, spec, address, certificate, node }: DesiredLoadBalancer,
  layout: HostLayout,
): WantedCertificates | undefined {
  const { tls } = spec;
  if (!tls || tls.mode === 'passthrough') return undefined;
  // What an uploaded certificate is for is served with it.
  const uploaded = uploadedNames(certificate);
  const domains = domainsOf(tls).filter((domain) => !uploaded.some((name) => coversHost(name, domain)));
  if (domains.length === 0) return undefined;
  return {
    id,
    domains,
    challenge: tls.challenge,
    autoRenew: tls.autoRenew,
    addresses: [address],
    port: boundPort(spec.type === 'http' ? (spec.port ?? HTTP_PORT) : HTTP_PORT, layout),
    nodes: Math.max(1, node?.members.length ?? 1),
    others: (node?.members ?? []).filter(({ name }) => name !== node?.name).map((member) => member.address),
  };
}

function uploadedNames(certificate: UploadedBundle | undefined): readonly string[] {
  if (!certificate) return [];
  const read = readBundle(splitBundle(certificate.pem), undefined);
  return read.ok ? read.bundle.names : [];
}

/** What each name needs. */
export function wantedNames(wanted: Iterable<WantedCertificates>): Map<string, WantedName> {
  const names = new Map<string, WantedName>();
  for (const { domains, challenge, autoRenew, addresses, port, nodes = 1, others = [] } of wanted) {
    for (const name of certificateNames(domains)) {
      const before = names.get(name);
      names.set(name, {
        name,
        challenge: before?.challenge === 'dns' ? 'dns' : challenge,
        autoRenew: autoRenew || before?.autoRenew === true,
        addresses: [...new Set([...(before?.addresses ?? []), ...addresses])],
        port: before?.port ?? port,
        nodes: Math.max(before?.nodes ?? 1, nodes),
        others: [...new Set([...(before?.others ?? []), ...others])],
      });
    }
  }
  return names;
}
