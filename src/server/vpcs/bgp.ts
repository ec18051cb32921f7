import type { BgpOrder } from '../../api/agent.ts';
import type { FieldError } from '../../base/errors.ts';
import type { VpcDefinition } from '../../spec/vpc.ts';
import type { VpcRecord } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';

type Context = Pick<ServerContext, 'sealer'>;
type Stored = Pick<VpcRecord, 'spec' | 'sealed'>;
/** By the router's address. */
type Passwords = Record<string, string>;

/** A VPC as it is stored: its routers' passwords apart and sealed. What is given without one keeps the one before. */
export function withoutPasswords(
  { sealer }: Context,
  wanted: VpcDefinition,
  before?: Stored,
): { definition: VpcDefinition; sealed: string | null } {
  const { bgp } = wanted.spec;
  if (!bgp) return { definition: wanted, sealed: null };
  const kept = before ? passwordsOf({ sealer }, before) : {};
  const passwords: Passwords = Object.fromEntries(
    bgp.routers.flatMap(({ address, password = kept[address] ?? '' }) =>
      password === '' ? [] : [[address, password]],
    ),
  );
  const routers = bgp.routers.map(({ address, asn }) => ({
    address,
    asn,
    hasPassword: address in passwords,
  }));
  const isSame = JSON.stringify(sorted(passwords)) === JSON.stringify(sorted(kept));
  const seal = () => (Object.keys(passwords).length === 0 ? null : sealer.seal(JSON.stringify(passwords)));
  return {
    definition: { ...wanted, spec: { ...wanted.spec, bgp: { ...bgp, routers } } },
    sealed: before && isSame ? before.sealed : seal(),
  };
}

/** What nodes are told of the routers; undefined without any. */
export function bgpOrder(
  context: Pick<ServerContext, 'sealer' | 'log'>,
  vpc: VpcRecord,
): BgpOrder | undefined {
  const { bgp } = vpc.spec;
  if (!bgp) return undefined;
  const passwords = openOrNone(context, vpc);
  const routers = bgp.routers.map(({ address, asn }) => {
    const password = passwords[address];
    return { address, asn, ...(password === undefined ? {} : { password }) };
  });
  return { asn: bgp.asn, routers };
}

/** The same router twice would be two sessions that end each other. */
export function routerErrors({ spec }: VpcDefinition): FieldError[] {
  const addresses = (spec.bgp?.routers ?? []).map(({ address }) => address);
  return addresses.flatMap((address, index) =>
    addresses.indexOf(address) === index
      ? []
      : [
          {
            pointer: `/spec/bgp/routers/${index}/address`,
            code: 'duplicate',
            detail: `${address} is a router already`,
          },
        ],
  );
}

/** Without their passwords the sessions fail, which nodes tell; all else goes on. */
function openOrNone({ sealer, log }: Pick<ServerContext, 'sealer' | 'log'>, vpc: VpcRecord): Passwords {
  try {
    return passwordsOf({ sealer }, vpc);
  } catch (error) {
    log.error({ error, vpc: vpc.name }, 'the passwords of routers cannot be opened');
    return {};
  }
}

function passwordsOf({ sealer }: Context, { sealed }: Stored): Passwords {
  return sealed === null ? {} : (JSON.parse(sealer.open(sealed)) as Passwords);
}

function sorted(passwords: Passwords): [string, string][] {
  return Object.entries(passwords).toSorted(([left], [right]) => (left < right ? -1 : 1));
}
