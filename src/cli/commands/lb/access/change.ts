import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import { canonicalCidr } from '../../../../spec/address.ts';
import { type LoadBalancerPatch, rewriteLoadBalancer } from '../../../change-spec.ts';
import { usageError } from '../../../failure.ts';
import type { CliContext } from '../../../session.ts';
import type { WriteOptions } from '../../../write-options.ts';

export type AccessList = 'allow' | 'deny';

/** Networks in the form in which they are stored. */
function readNetworks(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const network = canonicalCidr(text);
    if (network !== undefined) return network;
    throw usageError(
      `${JSON.stringify(text)} is no network and no address`,
      'Write it as 10.0.0.0/8 without bits beyond the prefix, 192.0.2.7 or 2001:db8::/32',
    );
  });
}

/** Adds networks to one of the lists; those that are there stay. */
export async function addNetworks(
  ctx: CliContext,
  options: WriteOptions,
  { name, list, networks }: { name: string; list: AccessList; networks: readonly string[] },
): Promise<void> {
  const added = readNetworks(networks);
  await rewriteLoadBalancer(ctx, options, {
    name,
    patch: (before) => {
      const present = before.spec.access?.[list] ?? [];
      if (list === 'allow' && present.length === 0)
        ctx.progress.warn(`clients from anywhere but ${added.join(', ')} are shut out from now on.`);
      return { spec: { access: { [list]: [...new Set([...present, ...added])] } } };
    },
  });
}

/** Takes networks out of lists; without networks, empties them. */
export async function clearNetworks(
  ctx: CliContext,
  options: WriteOptions,
  { name, lists, networks }: { name: string; lists: readonly AccessList[]; networks: readonly string[] },
): Promise<void> {
  const gone = new Set(readNetworks(networks));
  await rewriteLoadBalancer(ctx, options, {
    name,
    patch: (before) => {
      if (gone.size > 0) requireListed(before, lists, gone);
      return { spec: { access: clearedAccess(before, lists, gone) } };
    },
  });
}

function clearedAccess(
  { spec: { access } }: LoadBalancer,
  lists: readonly AccessList[],
  gone: ReadonlySet<string>,
): NonNullable<LoadBalancerPatch['spec']>[string] {
  const kept = (list: AccessList) => {
    const present = access?.[list] ?? [];
    if (!lists.includes(list)) return present;
    return gone.size === 0 ? [] : present.filter((network) => !gone.has(network));
  };
  const [allow, deny] = [kept('allow'), kept('deny')];
  return allow.length + deny.length === 0 ? null : { allow, deny };
}

function requireListed(
  { name, spec: { access } }: LoadBalancer,
  lists: readonly AccessList[],
  wanted: ReadonlySet<string>,
): void {
  const present = new Set(lists.flatMap((list) => access?.[list] ?? []));
  const missing = [...wanted].filter((network) => !present.has(network));
  if (missing.length === 0) return;
  throw new AppError('not_found', `${name} has no rule for ${missing.join(', ')}`, {
    hint: `agentmetal lb show ${name}`,
  });
}
