import type { Plan } from '../spec/plan.ts';
import type { ServiceModel } from './model.ts';

/** What brings one HAProxy from one model to another: pure, the same on the control plane and on the node. */
export function planChange(_from: ServiceModel | undefined, _to: ServiceModel | undefined): Plan {
  throw new Error('being written');
}
