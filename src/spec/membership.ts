import { type FieldError } from '../base/errors.ts';
import { createFollowedLists } from '../base/followed-lists.ts';
import { jsonPointer } from '../base/pointer.ts';
import { cidrContains, forbiddenRange, parseCidr, parseIp } from './address.ts';
import type { Backend } from './backend.ts';
import type { LoadBalancerSpec } from './load-balancer.ts';
import { poolPath, poolsOf } from './pools-of.ts';
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

/** Judges addresses by the rules: why one may not be a backend in the VPC, `undefined` when it may. */
export function createMembership({
  vpc,
  cidrs,
  allowLoopback,
}: MembershipRules): (text: string) => string | undefined {
  const networks = cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);
  return (text) => {
    const address = parseIp(text);
    if (!address) return `${text} is not an IP address`;
    if (allowLoopback && address.range() === 'loopback') return undefined;
    const forbidden = forbiddenRange(address);
    if (forbidden) return `${text} is ${forbidden}, which a backend may not be`;
    if (networks.some((network) => cidrContains(network, address))) return undefined;
    return `${text} is outside VPC ${vpc} (${cidrs.join(', ')})`;
  };
}

/** The backends given by address that lie where a backend of the VPC may not lie. Names are judged when resolved. */
export function backendMembershipErrors(spec: LoadBalancerSpec, rules: MembershipRules): FieldError[] {
  const faultOf = createMembership(rules);
  const ruling = JSON.stringify(rules);
  return poolsOf(spec).flatMap(([pool, { backends }]) => {
    if (right.get(backends) === ruling) return [];
    const { after, start } = found.news(pool, ruling, backends);
    const errors = after.flatMap((backend, position) => {
      const detail = knownFault(backend, ruling, faultOf);
      if (!detail) return [];
      const pointer = jsonPointer([...poolPath(pool), 'backends', start + position, 'target']);
      return [{ pointer, code: 'outside_vpc', detail }];
    });
    if (errors.length === 0) {
      found.note(pool, ruling, backends);
      right.set(backends, ruling);
    }
    return errors;
  });
}

/** The lists of backends in which nothing was found, and by which rules: those of most pools stay as they are. */
const right = new WeakMap<readonly Backend[], string>();

/** The same by their pools: most of a long list stays as it is. */
const found = createFollowedLists<Backend>(2000);

/** What was last found of a backend and by which rules: thousands of them are as they were at the change before. */
const judged = new WeakMap<Backend, { ruling: string; detail: string | undefined }>();

function knownFault(
  backend: Backend,
  ruling: string,
  faultOf: (text: string) => string | undefined,
): string | undefined {
  const known = judged.get(backend);
  if (known?.ruling === ruling) return known.detail;
  const target = parseTarget(backend.target);
  const detail = target?.isIp ? faultOf(target.host) : undefined;
  judged.set(backend, { ruling, detail });
  return detail;
}

/** The hosts of a VPC with addresses outside it. */
export function hostMembershipErrors(spec: VpcSpec, rules: MembershipRules): FieldError[] {
  const faultOf = createMembership(rules);
  return spec.hosts.flatMap((host, index) =>
    host.addresses.flatMap((address, position) => {
      const detail = faultOf(address);
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
