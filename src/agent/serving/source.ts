import type { CaWord, Revocation } from '../../certificates/revocation.ts';

/** A certificate that was obtained, as it lies on disk. */
export interface ObtainedCertificate {
  /** What it is called. */
  name: string;
  /** The domains that it is for. */
  domains: readonly string[];
  /** File in PEM: the chain, then the key. */
  bundlePath: string;
}

/** How it stands with the certificate of one domain that is obtained from a CA. Times are RFC 3339. */
export interface OrderState {
  domain: string;
  /** `pending`, `obtaining`, `active`, `renewing`, `revoked`, `expired` or `failed`. */
  state: string;
  reasonCode?: string | undefined;
  reason?: string | undefined;
  whatToDo?: string | undefined;
  issuer?: string | undefined;
  serial?: string | undefined;
  notAfter?: string | undefined;
  nextRenewalAt?: string | undefined;
  lastAttemptAt?: string | undefined;
  attempts?: number | undefined;
  /** That its CA has revoked it. */
  revocation?: Revocation | undefined;
  alert?: { level: 'warning' | 'critical'; message: string } | undefined;
}

/** Where the certificates of domains come from: what obtains and renews them. */
export interface CertificateSource {
  /** What there is for the names of a load balancer, valid or expired: never nothing in place of something. */
  obtained(id: string): readonly ObtainedCertificate[];
  /** Thumbprint of the account that challenges are answered for; undefined before there is an account. */
  thumbprint(): string | undefined;
  state(id: string): readonly OrderState[];
  /** Has the certificate of a domain, or all of them, renewed now. */
  renewNow(id: string, domain?: string): void;
  /** The certificate of that serial cannot be served: the one before is put back, and another is obtained. */
  refuse(domain: string, serial: string, why: string): Promise<void>;
  /** What its CA says of the certificate of that serial: where it has revoked it, another is obtained. */
  hear(domain: string, serial: string, word: CaWord): void;
}
