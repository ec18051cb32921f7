import { REVOKED_BY } from './revocation.ts';

/** What a sentence about a certificate is made of. */
export interface Subject {
  domain: string;
  /** Addresses that the load balancer listens on. */
  addresses: readonly string[];
}

/** Why a certificate is not obtained or renewed now. */
export interface Finding {
  code: ReasonCode;
  /** What exactly was seen, safe to show; empty when the code says all. */
  detail: string;
  /** Before this moment (milliseconds since the epoch) nothing may be asked of the CA again; absent without such a word. */
  retryAt?: number;
}

interface Reason {
  reason(subject: Subject): string;
  whatToDo(subject: Subject): string;
}

const record = ({ domain, addresses }: Subject): string => {
  const known = addresses.filter((address) => address !== '*');
  if (known.length === 0) return `an A record (and AAAA for IPv6) of ${domain} to this load balancer`;
  return known.map((address) => `${domain} ${address.includes(':') ? 'AAAA' : 'A'} ${address}`).join(', ');
};
/** Settings are those of the control plane, unless a machine has its own. */
const RESTART = 'restart the control plane, or the agent of a machine that has its own settings';
const byItself = 'Nothing: it is tried again by itself, and the certificate of before goes on being served.';
const otherAgent =
  'Tell us with the order log of this domain; nothing is lost, and it is tried again by itself.';

/** Every reason, by its stable code: the sentence, and what to do. The list is closed: programs may match on it. */
export const REASONS = {
  name_not_found: {
    reason: ({ domain }) => `${domain} has no A or AAAA record`,
    whatToDo: (subject) => `Create the record ${record(subject)}.`,
  },
  name_not_public: {
    reason: ({ domain }) => `public name servers do not know ${domain} as the local ones do`,
    whatToDo: (subject) =>
      `Create the record ${record(subject)} in the public zone, or wait until it is known everywhere.`,
  },
  dns_unreachable: {
    reason: ({ domain }) => `the name servers for ${domain} do not answer as they should`,
    whatToDo: () => 'Check the name servers of the zone, and AGENTMETAL_RESOLVER if it is set.',
  },
  points_elsewhere: {
    reason: ({ domain }) => `${domain} points to something other than this load balancer`,
    whatToDo: (subject) => `Make the record ${record(subject)}, and remove the others.`,
  },
  ipv6_elsewhere: {
    reason: ({ domain }) => `the AAAA record of ${domain} points elsewhere, and CAs ask IPv6 first`,
    whatToDo: ({ domain }) =>
      `Remove the AAAA record of ${domain}, or make it an address of this load balancer.`,
  },
  connection_refused: {
    reason: ({ domain }) => `nothing listens where ${domain} points to`,
    whatToDo: (subject) => `Make the record ${record(subject)}, or let port 80 through to the load balancer.`,
  },
  port_blocked: {
    reason: ({ domain }) => `${domain} does not answer on port 80`,
    whatToDo: () =>
      'Open port 80 in every firewall before the load balancer. Behind a router that does not lead from inside to its own outside address, set AGENTMETAL_ACME_PREFLIGHT=off.',
  },
  wrong_answer: {
    reason: ({ domain }) => `${domain} answers the challenge for another account`,
    whatToDo: () =>
      'Another load balancer or ACME client answers for the name: point it here alone. If it does already, it is tried again by itself.',
  },
  caa_forbids: {
    reason: ({ domain }) => `a CAA record of ${domain} forbids this CA to issue`,
    whatToDo: ({ domain }) => `Add a CAA record of ${domain} that names the CA, or remove the one there is.`,
  },
  challenge_failed: {
    reason: ({ domain }) => `the CA could not verify ${domain}`,
    whatToDo: (subject) => `Check that ${record(subject)} is right and reachable from outside.`,
  },
  txt_not_published: {
    reason: ({ domain }) => `the TXT record that proves ${domain} could not be made`,
    whatToDo: ({ domain }) => `Check the DNS zone that covers ${domain}: agentmetal dns zone list`,
  },
  txt_not_visible: {
    reason: ({ domain }) => `the TXT record that proves ${domain} is not seen by the name servers`,
    whatToDo: () =>
      'Check that the zone is the one that the registrar delegates to, and that its secondaries follow.',
  },
  no_dns_zone: {
    reason: ({ domain }) => `there is no DNS zone with which ${domain} could be proved`,
    whatToDo: ({ domain }) => `Add the zone that covers ${domain}: agentmetal dns zone add`,
  },
  wildcard_needs_dns: {
    reason: ({ domain }) => `${domain} is a wildcard, which is proved by DNS alone`,
    whatToDo: () => 'Set tls.challenge to dns.',
  },
  rate_limited: {
    reason: () => 'the CA has issued or been asked too often, and refuses for a while',
    whatToDo: () => 'Nothing: it is tried again when the CA allows it. Asking before then makes it longer.',
  },
  budget_spent: {
    reason: ({ domain }) => `the CA was asked for ${domain} as often as its limits allow`,
    whatToDo: () => 'Nothing: it is tried again when there is room. A limit of the CA itself costs a week.',
  },
  account_gone: {
    reason: () => 'the CA does not know the account any more',
    whatToDo: () => 'Nothing: a new account is made, and it is tried again by itself.',
  },
  terms_refused: {
    reason: () => 'the CA wants its terms agreed to anew',
    whatToDo: () => 'Read the terms that the CA names, then set the domain again.',
  },
  eab_required: {
    reason: () => 'the CA wants the account bound to one that you have with it',
    whatToDo: () =>
      `Get the key from the CA; set AGENTMETAL_ACME_EAB_KID and AGENTMETAL_ACME_EAB_HMAC_KEY_FILE, and ${RESTART}.`,
  },
  eab_refused: {
    reason: () => 'the CA refuses the key that binds the account',
    whatToDo: () =>
      `Check AGENTMETAL_ACME_EAB_KID and the file in AGENTMETAL_ACME_EAB_HMAC_KEY_FILE, and ${RESTART}.`,
  },
  email_refused: {
    reason: () => 'the CA refuses the mail address of the account',
    whatToDo: () => `Set AGENTMETAL_ACME_EMAIL to an address that exists, and ${RESTART}.`,
  },
  name_refused: {
    reason: ({ domain }) => `the CA does not issue certificates for ${domain}`,
    whatToDo: () => 'Choose another name, or another CA (AGENTMETAL_ACME_SERVER).',
  },
  ca_unreachable: {
    reason: () => 'the CA cannot be reached',
    whatToDo: () =>
      'Check that the machine may open HTTPS connections to the CA (AGENTMETAL_ACME_SERVER). It is tried again by itself.',
  },
  ca_untrusted: {
    reason: () => 'the CA’s own HTTPS certificate is not trusted',
    whatToDo: () => 'For a private CA set AGENTMETAL_ACME_CA_BUNDLE to its root; and check the clock.',
  },
  ca_error: { reason: () => 'the CA has a fault of its own', whatToDo: () => byItself },
  ca_refused: {
    reason: ({ domain }) => `the CA refuses the order for ${domain}`,
    whatToDo: () => 'See the detail. It is tried again by itself, seldom.',
  },
  disk_full: {
    reason: () => 'the disk of the load balancer machine is full',
    whatToDo: () =>
      'Make room. The CA is not asked before, because a certificate that cannot be kept counts all the same.',
  },
  not_writable: {
    reason: () => 'the agent may not write its own files',
    whatToDo: () => 'Give the agent’s user its data directory back.',
  },
  certbot_missing: {
    reason: () => 'certbot is not installed on the load balancer machine',
    whatToDo: () => 'apt-get install certbot',
  },
  certbot_failed: { reason: () => 'certbot failed', whatToDo: () => otherAgent },
  certbot_slow: {
    reason: () => 'certbot did not end in time and was ended',
    whatToDo: () => 'Check the connection of the machine to the CA. It is tried again by itself.',
  },
  interrupted: { reason: () => 'the order was cut short on this machine', whatToDo: () => byItself },
  bundle_invalid: {
    reason: () => 'what the CA issued is not what was asked for, and is not served',
    whatToDo: () => byItself,
  },
  not_servable: {
    reason: () => 'HAProxy refuses the new certificate; the one of before is back',
    whatToDo: () => 'See the detail. Another one is asked for by itself.',
  },
  revoked: {
    reason: () => REVOKED_BY,
    whatToDo: () =>
      'Nothing for the certificate: another one with a new key is asked for by itself. Find out who had it revoked and why, for somebody else may have had its key.',
  },
  renewal_off: {
    reason: ({ domain }) => `the certificate of ${domain} is due, and tls.autoRenew is off`,
    whatToDo: ({ domain }) => `agentmetal lb tls renew for ${domain}, or set tls.autoRenew to true.`,
  },
  settings_invalid: {
    reason: () => 'the settings of the agent for certificates cannot be used',
    whatToDo: () => `Mend what the detail names, and ${RESTART}.`,
  },
} as const satisfies Record<string, Reason>;

export type ReasonCode = keyof typeof REASONS;

/** A finding in words. */
export interface Explanation {
  reason: string;
  whatToDo: string;
}

export function explain({ code, detail }: Finding, subject: Subject): Explanation {
  const { reason, whatToDo }: Reason = REASONS[code];
  const sentence = reason(subject);
  return {
    reason: detail === '' ? sentence : `${sentence}: ${detail}`,
    whatToDo: whatToDo(subject),
  };
}
