import { type FieldError } from '../base/errors.ts';
import { jsonPointer } from '../base/pointer.ts';
import { cidrContains, forbiddenRange, parseCidr, parseIp } from './address.ts';
import type { Backend } from './backend.ts';
import { parseTarget } from './target.ts';
import type { VpcSpec } from './vpc.ts';

/** What decides whether a backend's address may be used. */
export interface MembershipRules {
  /** Name of the VPC, for the sentence. */
  vpc: string;
  cidrs: readonly string[];
  /** The operator's switch `AGENTMETAL_ALLOW_LOOPBACK_BACKENDS`. */
  allowLoopback: boolean;
}

/** Why an address may not be a backend in the VPC; `undefined` when it may. */
export function membershipFault(text: string, rules: MembershipRules): string | undefined {
  const address = parseIp(text);
  if (!address) return `${text} is not an IP address`;
  if (rules.allowLoopback && address.range() === 'loopback') return undefined;
  const forbidden = forbiddenRange(address);
  if (forbidden) return `${text} is ${forbidden}, which a backend may not be`;
  const inside = rules.cidrs.some((cidr) => {
    const parsed = parseCidr(cidr);
    return parsed !== undefined && cidrContains(parsed, address);
  });
  return inside ? undefined : `${text} is outside VPC ${rules.vpc} (${rules.cidrs.join(', ')})`;
}

/** The backends given by address that lie where a backend of the VPC may not lie. Names are judged when resolved. */
export function backendMembershipErrors(backends: readonly Backend[], rules: MembershipRules): FieldError[] {
  return backends.flatMap((backend, index) => {
    const target = parseTarget(backend.target);
    const detail = target?.isIp ? membershipFault(target.host, rules) : undefined;
    if (!detail) return [];
    return [{ pointer: jsonPointer(['spec', 'backends', index, 'target']), code: 'outside_vpc', detail }];
  });
}

/** The hosts of a VPC with addresses outside it. */
export function hostMembershipErrors(spec: VpcSpec, rules: MembershipRules): FieldError[] {
  return spec.hosts.flatMap((host, index) =>
    host.addresses.flatMap((address, position) => {
      const detail = membershipFault(address, rules);
      if (!detail) return [];
      return [
        {
          pointer: jsonPointer(['spec', 'hosts', index, 'addresses', position]),
          code: 'outside_vpc',
          detail,
        },
      ];
    }),
  );
}
