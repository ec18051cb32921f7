import type { NewEvent } from '../../store/events.ts';
import { type Named, ofMachine } from './resource.ts';

/** The agent of a machine has another version. */
export function upgradedEvent(machine: Named, version: string): NewEvent {
  return {
    type: 'machine.upgraded',
    severity: 'info',
    resource: ofMachine(machine),
    message: `the agent of machine ${machine.name} is upgraded to ${version}`,
    details: { version },
  };
}

/** The new agent did not do its work. */
export function upgradeFailedEvent(
  machine: Named,
  { version, reason }: { version: string; reason: string },
): NewEvent {
  return {
    type: 'machine.upgrade_failed',
    severity: 'warning',
    resource: ofMachine(machine),
    message: `the agent of machine ${machine.name} could not be upgraded to ${version}: ${reason}. No other is upgraded until that is mended and somebody says: agentmetal machine upgrade --all`,
    details: { version },
  };
}
