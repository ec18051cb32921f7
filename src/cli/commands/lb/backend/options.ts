import type { Backend } from '../../../../spec/backend.ts';
import type { Options } from '../../../command.ts';

/** The settings of a backend as flags. */
export const SETTING_OPTIONS = {
  weight: { value: 'N', integer: true, summary: 'Share of new traffic, 0 to 256; 0 takes no new clients' },
  maxConnections: {
    value: 'N',
    integer: true,
    summary: 'Connections at once before requests wait; 0 is no limit',
  },
} as const satisfies Options;

/** The settings that were given. */
export function givenSettings(options: {
  [K in keyof Omit<Backend, 'target'>]?: Backend[K] | undefined;
}): Partial<Backend> {
  const { weight, backup, maxConnections, drain } = options;
  return Object.fromEntries(
    Object.entries({ weight, backup, maxConnections, drain }).filter(([, value]) => value !== undefined),
  );
}
