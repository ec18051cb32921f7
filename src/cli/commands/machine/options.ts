import type { OptionValues, Options } from '../../command.ts';

/** Making a machine ready takes as long as its package server lets it. */
export const WAIT_OPTIONS = {
  wait: { negatable: true, summary: 'Wait until it is ready (the default)' },
  timeout: { value: 'DURATION', summary: 'How long to wait, such as 5m', default: '15m' },
} as const satisfies Options;

export const LOGIN_OPTIONS = {
  key: {
    value: 'FILE',
    completes: 'file',
    summary: 'The private key to log in with; without it, ~/.ssh/id_ed25519',
  },
  hostKey: {
    value: 'FINGERPRINT',
    summary: 'The host key that it must show, SHA256:…; without it, the one that it shows is asked about',
  },
  yes: { short: 'y', summary: 'Take the host key that it shows, and do not ask' },
} as const satisfies Options;

export type WaitValues = OptionValues<typeof WAIT_OPTIONS>;
