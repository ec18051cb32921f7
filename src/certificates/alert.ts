import { isoTime } from './iso-time.ts';
import { CRITICAL_SHARE, type Lifetime, WARNING_SHARE, span } from './renewal-policy.ts';

/** How near the end of a certificate is: certificates live for days or for years, so it goes by the share that is left. */
export type AlertStage = 'none' | 'warning' | 'critical' | 'expired';

/** Who sees to the next one: the load balancer, somebody who asks for it, or whoever uploads it. */
export type Renewal = 'by-itself' | 'on-request' | 'by-upload';

/** A certificate that is served. */
export interface ServedLife {
  /** Name of the load balancer, for commands. */
  loadBalancer: string;
  domain: string;
  /** Name that it was uploaded under; for one that was obtained, its domain. */
  certificate: string;
  life: Lifetime;
  renewal: Renewal;
}

/** What is to be told of the time that a certificate has. */
export interface LifeAlert {
  stage: AlertStage;
  /** Why somebody should look, in words; empty for `none`. */
  message: string;
  /** What to do, in words; empty for `none`. */
  whatToDo: string;
}

/** What nobody renews by itself is told when others are renewed. */
const DUE_SHARE = 1 / 3;
const NONE: LifeAlert = { stage: 'none', message: '', whatToDo: '' };

/** Whether somebody has to look at a certificate because of the time that is left. Pure, so that nobody has to ask its agent. */
export function lifeAlert(served: ServedLife, now: number): LifeAlert {
  const stage = stageOf(served, now);
  if (stage === 'none') return NONE;
  return { stage, message: messageOf(served, stage, now), whatToDo: whatToDo(served) };
}

function stageOf({ life, renewal }: ServedLife, now: number): AlertStage {
  const whole = life.notAfter - life.notBefore;
  const left = life.notAfter - now;
  if (left <= 0) return 'expired';
  if (left < whole * CRITICAL_SHARE) return 'critical';
  if (left < whole * WARNING_SHARE) return 'warning';
  return renewal === 'on-request' && left < whole * DUE_SHARE ? 'warning' : 'none';
}

function messageOf({ life, renewal }: ServedLife, stage: AlertStage, now: number): string {
  const end = isoTime(life.notAfter);
  if (stage === 'expired') return `it ended ${span(now - life.notAfter)} ago, at ${end}: clients refuse it`;
  const left = `it ends in ${span(life.notAfter - now)}, at ${end}`;
  switch (renewal) {
    case 'by-itself':
      return `${left}, and should have been renewed by now`;
    case 'on-request':
      return `${left}, and tls.autoRenew is off`;
    case 'by-upload':
      return `${left}, and nobody but you can replace it`;
  }
}

function whatToDo({ loadBalancer, domain, certificate, renewal }: ServedLife): string {
  const renew = `agentmetal lb tls renew ${loadBalancer} --domain ${domain}`;
  switch (renewal) {
    case 'by-itself':
      return `See why it was not renewed: agentmetal lb tls show ${loadBalancer}. Ask now: ${renew}`;
    case 'on-request':
      return `Renew it: ${renew}. Or have it done in time: agentmetal lb tls set ${loadBalancer} --auto-renew`;
    case 'by-upload':
      return `Upload its successor: agentmetal lb tls upload ${loadBalancer} --certificate ${certificate} --cert FILE --key FILE`;
  }
}
