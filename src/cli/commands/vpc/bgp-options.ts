import type { Bgp } from '../../../spec/vpc.ts';
import { readText } from '../../documents.ts';
import { usageError } from '../../failure.ts';
import type { CliContext } from '../../session.ts';

/** How the nodes of a VPC announce addresses. */
export const BGP_OPTIONS = {
  bgpAsn: {
    value: 'ASN',
    integer: true,
    summary: 'Autonomous system of the nodes, which announce floating addresses to the routers by BGP',
  },
  bgpRouter: {
    value: 'ADDRESS:ASN',
    repeat: true,
    summary: 'A router and its autonomous system, such as 203.0.113.1:65000 or [2001:db8::1]:65000',
  },
  bgpPasswordFile: {
    value: 'FILE',
    summary: 'Password of the sessions with these routers, from a file (- is stdin)',
    completes: 'file',
  },
} as const;

interface Given {
  bgpAsn?: number | undefined;
  bgpRouter: readonly string[];
  bgpPasswordFile?: string | undefined;
}

const ROUTER = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<asn>\d{1,10})$/;

/** The part of the spec that is given; undefined when nothing is. */
export async function readBgp(
  { io }: Pick<CliContext, 'io'>,
  { bgpAsn: asn, bgpRouter, bgpPasswordFile }: Given,
): Promise<Bgp | undefined> {
  if (asn === undefined && bgpRouter.length === 0 && bgpPasswordFile === undefined) return undefined;
  if (asn === undefined || bgpRouter.length === 0)
    throw usageError(
      'BGP needs both, the nodes’ --bgp-asn and a --bgp-router',
      '--bgp-asn 65001 --bgp-router 203.0.113.1:65000',
    );
  const password = bgpPasswordFile === undefined ? undefined : (await readText(bgpPasswordFile, io)).trim();
  return {
    asn,
    routers: bgpRouter.map((text) => ({
      ...parseRouter(text),
      ...(password === undefined ? {} : { password }),
    })),
  };
}

function parseRouter(text: string): { address: string; asn: number } {
  const groups = ROUTER.exec(text)?.groups;
  const address = groups?.['six'] ?? groups?.['four'];
  if (address === undefined)
    throw usageError(
      `${text} is no router`,
      'Write its address and its autonomous system: 203.0.113.1:65000 or [2001:db8::1]:65000',
    );
  return { address, asn: Number(groups?.['asn']) };
}

/** For people. */
export function bgpText(bgp: Bgp | undefined): string {
  if (!bgp) return '';
  const routers = bgp.routers.map(
    ({ address, asn, hasPassword }) => `${address} (AS ${asn}${hasPassword ? ', password' : ''})`,
  );
  return `AS ${bgp.asn} to ${routers.join(', ')}`;
}
