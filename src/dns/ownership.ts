const LABEL = '_agentmetal';
const WILDCARD_LABEL = '_agentmetal-wildcard';
const TEXT = /^heritage=agentmetal,owner=(?<owner>[a-z0-9_]+),load-balancer=(?<loadBalancer>[a-z0-9_]+)$/;

/** Who made the records of a name. */
export interface Owner {
  /** Id of the control plane. */
  controlPlane: string;
  /** Id of the load balancer. */
  loadBalancer: string;
}

/**
 * The name of the TXT record that says whose the records of a domain are. It is a name of its own, because TXT records
 * at the domain itself belong to mail and site verification.
 */
export function ownershipName(domain: string): string {
  return domain.startsWith('*.') ? `${WILDCARD_LABEL}.${domain.slice(2)}` : `${LABEL}.${domain}`;
}

export function ownershipText({ controlPlane, loadBalancer }: Owner): string {
  return `heritage=agentmetal,owner=${controlPlane},load-balancer=${loadBalancer}`;
}

/** The owner that a text names; `undefined` for a text that is no ownership. */
export function parseOwnership(text: string): Owner | undefined {
  const groups = TEXT.exec(text)?.groups;
  const { owner, loadBalancer } = groups ?? {};
  return owner && loadBalancer ? { controlPlane: owner, loadBalancer } : undefined;
}
