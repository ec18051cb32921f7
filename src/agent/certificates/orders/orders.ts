import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { CertificateAuthority } from '../../../api/certificates.ts';
import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { type Limits, PUBLIC_CA_LIMITS } from '../../../certificates/budget.ts';
import type { IssuedCertificate } from '../../../certificates/issued.ts';
import { certificateNames } from '../../../certificates/names.ts';
import type { CaWord } from '../../../certificates/revocation.ts';
import { type CertificateOrderState, describeState } from '../../../certificates/state.ts';
import { createAuthority } from '../authority/authority.ts';
import type { ChallengePublisher } from '../challenges/publisher.ts';
import { type Entry, dueAt, restoreBundle, waitUntil } from '../entry.ts';
import { createPreflight } from '../preflight/preflight.ts';
import { createRenewals } from '../renewals.ts';
import type { AcmeSettings } from '../settings.ts';
import { type WantedCertificates, type WantedName, wantedNames } from '../wanted.ts';
import { createAccount } from './account.ts';
import type { AccountExchange } from './shared-account.ts';

/** A certificate that was obtained, as it lies on disk. */
export interface ObtainedCertificate {
  /** By which it is known: the domain that it was ordered for. */
  name: string;
  /** The names that it is for. */
  domains: string[];
  /** PEM: chain, then key. 0600, replaced in one step. */
  bundlePath: string;
}

/** Obtains the certificates of this machine's load balancers and renews them, with no control plane at all. */
export interface CertificateOrders {
  /** Reads what lies on the disk; before this nothing is known of what was obtained. */
  load(): Promise<void>;
  /** What should be had now for a load balancer. */
  want(loadBalancer: WantedCertificates): void;
  /** Nothing is wanted for a load balancer any more; what was obtained is kept until it expires. */
  forget(id: string): void;
  /** A load balancer that had the machine for itself gives it back: its accounts with CAs go. */
  leave(id: string): Promise<void>;
  /** What there is for the names of a load balancer, valid or expired: never nothing in place of something. */
  obtained(id: string): readonly ObtainedCertificate[];
  /** Thumbprint of the account, with which HAProxy answers challenges; undefined while there is no account. */
  thumbprint(): string | undefined;
  /** The CA that is asked, with its terms once it has named them; undefined while the settings cannot be used. */
  authority(): CertificateAuthority | undefined;
  /** Orders new certificates for a load balancer, or for one domain of it, whatever the age of those in use. */
  renewNow(id: string, domain?: string): void;
  /**
   * The certificate in use for a domain cannot be served: the one of before is put back, and another is ordered.
   * @param serial of the certificate that was refused; another one is left alone
   */
  refuse(domain: string, serial: string, why: string): Promise<void>;
  /**
   * What its CA says of a certificate: where it has revoked the one in use, another is ordered.
   * @param serial of the certificate that the CA speaks of; another one is left alone
   */
  hear(domain: string, serial: string, word: CaWord): void;
  /** How each domain of a load balancer stands. */
  state(id: string): readonly CertificateOrderState[];
  /** Has a listener called whenever something of a load balancer's certificates, or the thumbprint, has changed. */
  onChange(listener: (id: string) => void): void;
  /** Works until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CertificateOrdersOptions {
  /** Folder of everything that belongs to certificates. */
  root: string;
  settings: AcmeSettings;
  clock: Clock;
  /** Source of randomness in [0, 1). */
  random(): number;
  logger: Logger;
  /** Makes TXT records; undefined when there is nobody who could. */
  publisher?: ChallengePublisher | undefined;
  /** How the nodes of a load balancer agree on one account; undefined when there is nobody who could. */
  exchange?: AccountExchange | undefined;
  /** How often the CA may be asked. Default: those of public CAs; none for a CA with a root of its own. */
  limits?: Limits | undefined;
  /** Name servers asked besides the system's. Default: open ones, but none when a resolver is set or the CA is private. */
  publicServers?: readonly string[];
  /** Port of the name servers that zones are delegated to. Default: 53. */
  nameServerPort?: number;
  /** Seconds after which an order is given up. Default: 300. */
  limitSeconds?: number;
}

const LIMIT_SECONDS = 300;

export function createCertificateOrders(options: CertificateOrdersOptions): CertificateOrders {
  const { root, settings, clock, random, logger, publisher } = options;
  const ending = new AbortController();
  const wanted = new Map<string, WantedCertificates>();
  const listeners: ((id: string) => void)[] = [];
  let names: ReadonlyMap<string, WantedName> = new Map();

  const tell = (ids: Iterable<string>) => {
    for (const id of ids) for (const listener of listeners) listener(id);
  };
  const idsWith = (name: string) =>
    [...wanted.values()].filter(({ domains }) => domains.includes(name)).map(({ id }) => id);
  const authority = createAuthority(settings, clock);
  const account = createAccount({
    root,
    settings,
    authority,
    clock,
    random,
    logger,
    onChange: () => tell(wanted.keys()),
    exchange: options.exchange,
  });
  const { publicServers, nameServerPort, limitSeconds = LIMIT_SECONDS } = options;
  const token = () => randomBytes(24).toString('base64url');
  const preflight = createPreflight({
    settings,
    clock,
    token,
    ...(publicServers ? { publicServers } : {}),
    ...(nameServerPort === undefined ? {} : { nameServerPort }),
  });
  const limits = options.limits ?? (settings.caBundle === undefined ? PUBLIC_CA_LIMITS : undefined);
  const placing = {
    settings,
    account,
    preflight,
    publisher,
    limitSeconds,
    clock,
    logger,
    ending: ending.signal,
  };
  const renewals = createRenewals({
    root,
    authority,
    account,
    preparing: { root, settings, limits, authority, account, preflight, publisher, token, clock },
    placing,
    clock,
    random,
    logger,
    onChange: (name) => tell(idsWith(name)),
  });
  const settle = () => {
    names = wantedNames(wanted.values());
    renewals.want(names);
  };
  const entriesOf = (id: string): Entry[] =>
    certificateNames(wanted.get(id)?.domains ?? []).flatMap((name) => renewals.entries.get(name) ?? []);

  return {
    load: renewals.load,
    want(loadBalancer) {
      wanted.set(loadBalancer.id, loadBalancer);
      if ((loadBalancer.nodes ?? 1) > 1) account.shareWith(loadBalancer.id);
      settle();
    },
    forget(id) {
      if (wanted.delete(id)) settle();
    },
    async leave(id) {
      if (wanted.delete(id)) settle();
      await account.leave();
    },
    obtained: (id) =>
      entriesOf(id).flatMap(({ name, issued, paths }) =>
        issued && existsSync(paths.bundle) ? [{ name, domains: issued.names, bundlePath: paths.bundle }] : [],
      ),
    thumbprint: account.thumbprint,
    authority() {
      if (settings.fault !== undefined) return undefined;
      const termsOfService = authority.terms();
      return { directory: settings.server, ...(termsOfService === undefined ? {} : { termsOfService }) };
    },
    renewNow(id, domain) {
      for (const { name } of entriesOf(id))
        if (domain === undefined || domain.toLowerCase() === name) renewals.renewNow(name);
    },
    async refuse(domain, serial, why) {
      const entry = renewals.entries.get(domain);
      // While another one is being obtained nothing is touched; who serves says it again in the next pass.
      if (!entry || entry.isBusy || !isSerial(serial, entry.issued)) return;
      if (entry.record.finding?.code === 'not_servable') return;
      try {
        await restoreBundle(entry);
      } catch (error) {
        logger.error({ error: messageOf(error), domain }, 'the certificate of before cannot be put back');
      }
      entry.record = { ...entry.record, isAsked: true };
      await renewals.fail(entry, { code: 'not_servable', detail: why });
      tell(idsWith(domain));
    },
    hear(domain, serial, word) {
      const entry = renewals.entries.get(domain);
      if (entry && isSerial(serial, entry.issued)) renewals.hear(entry, word);
    },
    state: (id) => entriesOf(id).map((entry) => stateOf(entry, names.get(entry.name), clock.now())),
    onChange: (listener) => void listeners.push(listener),
    async run(signal) {
      signal.addEventListener('abort', () => ending.abort());
      await renewals.run(signal);
    },
  };
}

/** Programs write serial numbers in small or capital letters, with colons or without. */
function isSerial(text: string, issued: IssuedCertificate | undefined): boolean {
  return text.replaceAll(':', '').toLowerCase() === issued?.serial;
}

function stateOf(entry: Entry, wanted: WantedName | undefined, now: number): CertificateOrderState {
  const { name, issued, record, isOrdering } = entry;
  const due = dueAt(entry);
  const autoRenew = wanted?.autoRenew ?? false;
  const isPlanned = !issued || autoRenew || record.isAsked === true;
  const wait = waitUntil(entry);
  const nextAt = record.isAsked || !issued ? Math.max(wait, now) : Math.max(wait, due ?? now);
  return describeState(
    {
      subject: { domain: name, addresses: wanted?.addresses ?? [] },
      issued,
      isBusy: isOrdering,
      autoRenew,
      finding: record.finding,
      revocation: record.revoked,
      failures: record.failures,
      lastAttemptAt: record.lastAttemptAt,
      dueAt: due,
      nextAt: isPlanned ? nextAt : undefined,
    },
    now,
  );
}
