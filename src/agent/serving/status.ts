import type { CertificateReport } from '../../api/certificates.ts';
import type { Bundle } from '../../certificates/bundle.ts';
import { CRITICAL_SHARE, WARNING_SHARE } from '../../certificates/renewal-policy.ts';
import { REVOKED_BY, type Revocation, revocationText } from '../../certificates/revocation.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { coversHost, domainsOf } from '../../spec/tls.ts';
import type { Offered } from './keeper.ts';
import type { OrderState } from './source.ts';

/** States of an order in which nothing is served yet. */
const UNSERVED = ['pending', 'obtaining', 'failed'] as const;

export interface CertificateView {
  /** Name of the load balancer, for commands. */
  name: string;
  spec: Pick<LoadBalancerSpec, 'tls'>;
  offered: readonly Offered[];
  orders: readonly OrderState[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** How it stands with the certificate of each domain, and of each further name of the uploaded one. */
export function certificateReports(view: CertificateView): CertificateReport[] {
  const uploaded = view.offered.find(({ source }) => source === 'uploaded');
  const names = uploaded?.domains ?? [];
  const domains = domainsOf(view.spec.tls);
  return [
    ...domains.map((domain) =>
      uploaded && names.some((name) => coversHost(name, domain))
        ? uploadedReport(view, domain, uploaded)
        : orderedReport(view, domain),
    ),
    ...(uploaded && names.length === 0 ? [uploadedReport(view, uploaded.name, uploaded)] : []),
    ...names.filter((name) => !domains.includes(name)).map((name) => uploadedReport(view, name, uploaded)),
  ];
}

function uploadedReport(
  { name, now }: CertificateView,
  domain: string,
  uploaded: Offered | undefined,
): CertificateReport {
  const served = uploaded?.served;
  const again = `agentmetal lb tls upload ${name} --certificate ${uploaded?.name ?? 'NAME'} --cert FILE --key FILE`;
  const alert = served ? alertOf(served, now) : 'critical';
  const common = {
    domain,
    source: 'uploaded' as const,
    ...factsOf(uploaded),
    ...revocationFacts(uploaded?.revocation),
  };
  if (uploaded?.fault !== undefined)
    return unservable(common, uploaded, { now, whatToDo: `Upload another: ${again}` });
  if (!served) return { ...common, state: 'failed', reason: 'there is no certificate to serve', alert };
  const isOver = Date.parse(served.notAfter) <= now;
  const { revocation } = uploaded;
  if (revocation && !isOver)
    return {
      ...common,
      state: 'revoked',
      reasonCode: 'revoked',
      reason: `the uploaded certificate ${uploaded.name} is served, but was ${revocationText(revocation)}; ${REVOKED_BY}`,
      whatToDo: `Have your CA issue another one with a new key, and upload it: ${again}`,
      alert: 'critical',
      alertReason: 'its CA has revoked it: clients that look refuse it',
    };
  return {
    ...common,
    state: isOver ? 'expired' : 'active',
    ...(alert === 'none'
      ? {}
      : { reasonCode: isOver ? 'expired' : 'ends_soon', whatToDo: `Upload its successor: ${again}` }),
    reason: `the uploaded certificate ${uploaded.name} ${isOver ? 'is served, but ended' : 'is served until'} ${isOver ? 'at ' : ''}${served.notAfter}`,
    alert,
  };
}

function orderedReport({ offered, orders, now }: CertificateView, domain: string): CertificateReport {
  const own = offered.find(({ source, domains }) => source === 'acme' && domains.includes(domain));
  const order = orders.find((each) => each.domain === domain);
  const common = { domain, source: 'acme' as const, ...orderFacts(order), ...factsOf(own) };
  if (own?.fault !== undefined)
    return unservable(common, own, {
      now,
      whatToDo: 'Nothing: another is asked for when this one is due. Or: agentmetal lb tls renew',
    });
  if (own?.served) {
    const { notAfter } = own.served;
    const isOver = Date.parse(notAfter) <= now;
    // After a restart the CA has not been asked again; what it said before is known by the order.
    const revocation = own.revocation ?? order?.revocation;
    const isBad = isOver || revocation !== undefined;
    const usual = isOver
      ? `the certificate that is served ended at ${notAfter}`
      : revocation
        ? `the certificate that is served was ${revocationText(revocation)}`
        : `is served until ${notAfter}`;
    return {
      ...common,
      ...revocationFacts(revocation),
      ...wordsOf(order, usual),
      ...alertFacts(order, isBad ? 'critical' : alertOf(own.served, now)),
      state: isOver
        ? 'expired'
        : revocation
          ? 'revoked'
          : order?.state === 'renewing'
            ? 'renewing'
            : 'active',
    };
  }
  return {
    ...common,
    ...wordsOf(order, 'no certificate has been obtained yet; HTTPS answers with a self-signed placeholder'),
    ...alertFacts(order, 'none'),
    state: UNSERVED.find((state) => state === order?.state) ?? 'pending',
  };
}

function unservable(
  common: Omit<CertificateReport, 'state' | 'reason' | 'alert'>,
  { fault = '', served }: Offered,
  { now, whatToDo }: { now: number; whatToDo: string },
): CertificateReport {
  const rest = served
    ? 'the one before goes on being served'
    : 'HTTPS answers with a self-signed placeholder';
  const isValid = served !== undefined && Date.parse(served.notAfter) > now;
  return {
    ...common,
    state: isValid ? 'active' : served ? 'expired' : 'failed',
    reasonCode: 'not_servable',
    reason: `the newest certificate cannot be served: ${fault}; ${rest}`.slice(0, 2000),
    whatToDo,
    alert: 'critical',
  };
}

function wordsOf(order: OrderState | undefined, usual: string) {
  return {
    reason: order?.reason ?? usual,
    ...(order?.reasonCode === undefined ? {} : { reasonCode: order.reasonCode }),
    ...(order?.whatToDo === undefined ? {} : { whatToDo: order.whatToDo }),
  };
}

/** What is served, with what the order tells of the time that it has. */
function factsOf(offered: Offered | undefined) {
  const served = offered?.served;
  if (!offered || !served) return {};
  const { issuer, serial, notBefore, notAfter } = served;
  return { certificate: offered.name, issuer, serial, notBefore, notAfter };
}

function revocationFacts(
  revocation: Revocation | undefined,
): Pick<CertificateReport, 'revokedAt' | 'revocationReason'> {
  const { at, reason } = revocation ?? {};
  return {
    ...(at === undefined ? {} : { revokedAt: new Date(at).toISOString() }),
    ...(reason === undefined ? {} : { revocationReason: reason }),
  };
}

function orderFacts(order: OrderState | undefined) {
  if (!order) return {};
  const { nextRenewalAt, lastAttemptAt, attempts } = order;
  return {
    ...(nextRenewalAt === undefined ? {} : { nextRenewalAt }),
    ...(lastAttemptAt === undefined ? {} : { lastAttemptAt }),
    ...(attempts === undefined ? {} : { attempts }),
  };
}

type Alert = CertificateReport['alert'];

function alertFacts(
  order: OrderState | undefined,
  usual: Alert,
): Pick<CertificateReport, 'alert' | 'alertReason'> {
  if (!order?.alert) return { alert: usual };
  return { alert: order.alert.level, alertReason: order.alert.message };
}

/** By the share of its lifetime that is left: certificates live for days or for years. */
export function alertOf({ notBefore, notAfter }: Pick<Bundle, 'notBefore' | 'notAfter'>, now: number): Alert {
  const [begin, end] = [Date.parse(notBefore), Date.parse(notAfter)];
  const left = (end - now) / (end - begin);
  if (left < CRITICAL_SHARE) return 'critical';
  return left < WARNING_SHARE ? 'warning' : 'none';
}
