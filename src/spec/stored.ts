import { type LoadBalancerSpec, LoadBalancerSpecInput, completeSpec } from './load-balancer.ts';
import { type Tls, usualChallenge } from './tls.ts';
import { parseWith } from './validate.ts';

/**
 * Reads a spec that was accepted and completed once, perhaps by an earlier version: fields that came later get their
 * defaults. Throws when it cannot be read.
 */
export function completeStoredSpec(stored: unknown): LoadBalancerSpec {
  const parsed = parseWith(LoadBalancerSpecInput, stored, ['spec']);
  if (parsed.ok) return completeSpec(parsed.value);
  const faults = parsed.errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
  throw new Error(`a stored spec cannot be read: ${faults}`);
}

/**
 * Fills in what was not a field yet when a spec was completed, without reading all of it anew. The same object when there
 * is nothing to fill in.
 */
export function withLaterFields(stored: LoadBalancerSpec): LoadBalancerSpec {
  const { type, tls } = stored;
  if (!tls || (tls as Partial<Tls>).challenge !== undefined) return stored;
  return { ...stored, tls: { ...tls, challenge: usualChallenge(tls, type) } };
}
