import type { CertificateStatus } from '../../api/certificates.ts';
import type { BackendStatus, LoadBalancerStatus } from '../../api/load-balancer.ts';
import { backendStatuses, inService, poolsFailingOpen, poolsWithoutService } from './backends.ts';
import { certificateStatuses, certificateView } from './certificates.ts';
import { conditionsOf } from './conditions.ts';
import { dnsStatuses } from './dns-records.ts';
import { nodeAddresses, nodeStatus, unheldSince } from './nodes.ts';
import { type Observation, nodeProgress } from './observation.ts';

/** A first check may take this long before its missing answer is a fault. */
const CHECKING_GRACE_MS = 10_000;
/** Nodes agree within a second who has a floating address; their agents tell it soon after. */
const TAKING_GRACE_MS = 10_000;

/** What is seen of a load balancer, from what its agents have reported. */
export function loadBalancerStatus(observation: Observation): LoadBalancerStatus {
  const { nodes } = observation;
  const backends = backendStatuses(observation);
  const certificates = certificateStatuses(certificateView(observation));
  return {
    state: withCertificates(stateOf(observation, backends), certificates),
    observedRevision: nodes.reduce(
      (least, { node }) => Math.min(least, node.observedRevision),
      nodes[0]?.node.observedRevision ?? 0,
    ),
    addresses: [...new Set(nodes.flatMap((observed) => nodeAddresses(observation, observed)))],
    nodes: nodes.map((observed) => nodeStatus(observation, observed)),
    backends,
    certificates,
    dns: dnsStatuses(observation),
    conditions: conditionsOf(observation, backends, certificates),
  };
}

/** States in which clients get a certificate that is good. */
const SERVED: ReadonlySet<CertificateStatus['state']> = new Set(['active', 'renewing']);

/** Clients that get a certificate which has ended, or none where one is needed at once, are not served well. */
function withCertificates(
  state: LoadBalancerStatus['state'],
  certificates: readonly CertificateStatus[],
): LoadBalancerStatus['state'] {
  const isBad = ({ alert, state: its }: CertificateStatus) =>
    its === 'expired' || (alert === 'critical' && !SERVED.has(its));
  return state === 'active' && certificates.some(isBad) ? 'degraded' : state;
}

function stateOf(observation: Observation, backends: readonly BackendStatus[]): LoadBalancerStatus['state'] {
  const progress = observation.nodes.map((observed) => nodeProgress(observation, observed));
  if (progress.includes('error')) return 'error';
  if (progress.length === 0 || progress.includes('pending')) return 'pending';
  const unheld = unheldSince(observation);
  if (unheld !== undefined)
    return observation.now - Date.parse(unheld) < TAKING_GRACE_MS ? 'pending' : 'error';
  const { spec } = observation.record;
  const wanted = inService(spec, backends);
  if (wanted.every(({ state }) => state === 'up')) {
    if (observation.lack) return 'degraded';
    // Backends there are in a pool, but none that takes clients: whoever asks gets an error.
    return poolsWithoutService(spec).some(({ isEmpty }) => !isEmpty) ? 'degraded' : 'active';
  }
  if (wanted.some((backend) => isFreshlyChecking(backend, observation.now))) return 'pending';
  if (wanted.some(({ state }) => state === 'up')) return 'degraded';
  // Clients are served all the same, by backends that may be ill.
  return poolsFailingOpen(spec, backends).length > 0 ? 'degraded' : 'error';
}

function isFreshlyChecking({ state, since }: BackendStatus, now: number): boolean {
  return state === 'checking' && now - Date.parse(since) < CHECKING_GRACE_MS;
}
