import type { Clock } from '../../../base/clock.ts';
import { isWildcard, provenName } from '../../../certificates/names.ts';
import { type Probe, judgeCaa, judgeHttp } from '../../../certificates/preflight.ts';
import type { Finding } from '../../../certificates/reason.ts';
import type { AcmeSettings } from '../settings.ts';
import { type NameServers, askNameServers } from './name-servers.ts';
import { untilOthersAnswer } from './other-nodes.ts';
import { probe } from './probe.ts';
import { untilVisible } from './visibility.ts';

export interface PreflightSubject {
  name: string;
  challenge: 'http' | 'dns';
  /** Port of plain HTTP, as it is bound. */
  port: number;
  /** Thumbprint of the account; without one the name servers alone are asked. */
  thumbprint?: string | undefined;
  /** Addresses of the load balancer's other nodes, which are to answer for the account too. */
  others: readonly string[];
  /** The names by which the CA goes in CAA records. */
  caaIdentities: readonly string[];
}

/** Asks what the CA would ask, so that it is asked only when it will find what it looks for. */
export interface Preflight {
  /** Why the CA would refuse; undefined when nothing speaks against it. */
  check(subject: PreflightSubject): Promise<Finding | undefined>;
  /** Waits until a TXT value is seen by all of its zone's servers, or the signal; resolves to why not when the time is over. */
  untilVisible(name: string, value: string, signal: AbortSignal): Promise<Finding | undefined>;
}

export interface PreflightOptions {
  settings: AcmeSettings;
  clock: Clock;
  /** Makes a token that nobody can have foreseen. */
  token(): string;
  /** Asked besides the system's name servers; none when the operator has named his own, or the CA is private. */
  publicServers?: readonly string[];
  /** Port of the name servers that zones are delegated to. Default: 53. */
  nameServerPort?: number;
}

/** Well-known open resolvers; one of them is enough. */
const PUBLIC_SERVERS = ['1.1.1.1:53', '8.8.8.8:53', '9.9.9.9:53'];
const PROBE_MS = 5000;
const HTTP_PORT = 80;
const DNS_PORT = 53;

export function createPreflight(options: PreflightOptions): Preflight {
  const { settings, clock, nameServerPort = DNS_PORT } = options;
  const own = settings.resolver;
  const isPrivate = own !== undefined || settings.caBundle !== undefined;
  const publicServers = options.publicServers ?? (isPrivate ? [] : PUBLIC_SERVERS);
  const local = askNameServers(own === undefined ? [] : [own]);
  const open = publicServers.length > 0 ? askNameServers(publicServers) : undefined;
  return {
    async check(subject) {
      const { name, challenge, caaIdentities, thumbprint } = subject;
      const caa = (open ?? local).caa(provenName(name));
      const http =
        challenge === 'http' ? await checkHttp(subject, { local, open, token: options.token }) : undefined;
      const finding =
        http ?? judgeCaa(await caa, { identities: caaIdentities, wildcard: isWildcard(name), challenge });
      if (!finding && thumbprint !== undefined && challenge === 'http')
        await untilOthersAnswer({ ...subject, thumbprint }, { token: options.token, clock });
      return finding;
    },
    untilVisible: (name, value, signal) =>
      untilVisible(
        name,
        value,
        { resolver: local, asksZone: settings.preflight, port: nameServerPort, clock },
        signal,
      ),
  };
}

interface Resolvers {
  local: NameServers;
  open: NameServers | undefined;
  token(): string;
}

async function checkHttp(
  { name, port, thumbprint }: PreflightSubject,
  { local, open, token }: Resolvers,
): Promise<Finding | undefined> {
  const [here, there] = await Promise.all([local.addresses(name), open?.addresses(name)]);
  const known = there?.outcome === 'failed' ? undefined : there;
  const answer = known?.outcome === 'found' ? known : here;
  const addresses = answer.outcome === 'found' && thumbprint !== undefined ? answer.addresses : [];
  const probes = await Promise.all(
    addresses.map((address) => probeAddress(name, address, port, thumbprint ?? '', token)),
  );
  return judgeHttp({ resolver: local.label, local: here, public: known, probes });
}

/** CAs ask port 80. Where we listen on another one, either may be the one that the CA's questions come to. */
async function probeAddress(
  domain: string,
  address: string,
  port: number,
  thumbprint: string,
  token: () => string,
): Promise<Probe> {
  const ask = async (at: number): Promise<Probe> => ({
    address,
    port: at,
    outcome: await probe({ domain, address, port: at, token: token(), thumbprint, timeoutMs: PROBE_MS }),
  });
  const first = await ask(port);
  if (first.outcome.kind === 'ours' || port === HTTP_PORT) return first;
  const second = await ask(HTTP_PORT);
  return second.outcome.kind === 'ours' ? second : first;
}
