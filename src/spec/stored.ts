import { type LoadBalancerSpec, LoadBalancerSpecInput, completeSpec } from './load-balancer.ts';
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
