import type { HostLayout } from '../spec/host-layout.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';

/** All that the configuration of one HAProxy depends on. Equal models render to equal bytes. */
export interface ServiceModel {
  id: string;
  name: string;
  spec: LoadBalancerSpec;
  /** The address to listen on; `*` is every address of the machine. */
  address: string;
  layout: HostLayout;
  /** Host of a target → the address that it stands for now. Hosts without an entry are unresolved. */
  addresses: ReadonlyMap<string, string>;
  /** Real certificates to serve. Clients that name no host, or one that none is for, are shown the first. */
  certificates: readonly ServedCertificate[];
  /** Thumbprint of the ACME account (RFC 8555, section 8.1) that challenges are answered for; undefined without one. */
  thumbprint?: string | undefined;
  /** The machines that serve it together; undefined when this one is alone. */
  nodes?: ServiceNodes | undefined;
}

/** The machines that serve a load balancer, as one of them sees it. */
export interface ServiceNodes {
  /** Name of this one. */
  self: string;
  /** All of them, in the same order on each. */
  members: readonly { name: string; address: string; certificate?: string }[];
}

/** A certificate with its key that HAProxy serves. */
export interface ServedCertificate {
  /** What it is called here: letters, digits, `.`, `-` and `_`. Its file has that name. */
  name: string;
  /** Names (SNI) that it is served for, in lower case; `*.` stands for one label. Of two for one name the first has it. */
  hosts: readonly string[];
  /** SHA-1 of the certificate in upper-case hexadecimal, as HAProxy tells it. */
  fingerprint: string;
  /** PEM: the chain, then the key. Empty where only plans are made. */
  pem: string;
  /** What its CA says of it (OCSP response in base64), which clients are told along with it. */
  staple?: string | undefined;
}
