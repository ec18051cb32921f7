import { type Bundle, readBundle } from '../../machines/bundle/describe.ts';
import type { MachineProvisioner } from '../machines/provisioner.ts';

/** The agent that machines should have. */
export interface WantedAgent {
  /** Packs it where that is not done yet. @throws AppError `bundle_failed` */
  prepare(): Promise<Bundle>;
  /** As it was packed last; undefined before. */
  present(): Bundle | undefined;
}

export function createWantedAgent(provisioner: Pick<MachineProvisioner, 'bundle'>): WantedAgent {
  let bundle: Bundle | undefined;
  return {
    async prepare() {
      const path = await provisioner.bundle();
      if (bundle?.path !== path) bundle = await readBundle(path);
      return bundle;
    },
    present: () => bundle,
  };
}
