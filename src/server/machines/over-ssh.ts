import { installScript } from '../../machines/install-script.ts';
import type { MachineProvisioner } from './provisioner.ts';

/** Makes machines ready over SSH. What that takes is loaded when there is a machine. */
export function createProvisioner(dataDir: string): MachineProvisioner {
  const load = () => import('../../machines/provision.ts');
  return {
    hostKeyOf: async (host, port) => (await load()).hostKeyOf(host, port),
    provision: async (order, onStep, signal) => (await load()).provision(order, onStep, signal),
    release: async (target, signal) => (await load()).release(target, signal),
    bundle: async () => (await import('../../machines/bundle/bundle.ts')).agentBundle(dataDir),
    installScript,
  };
}
