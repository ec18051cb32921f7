import type { Paint, Style } from './style.ts';

const PAINTS: Readonly<Record<string, Paint>> = {
  active: 'green',
  up: 'green',
  ok: 'green',
  online: 'green',
  applied: 'green',
  renewing: 'green',
  degraded: 'yellow',
  draining: 'yellow',
  maintenance: 'yellow',
  foreign: 'yellow',
  no_zone: 'yellow',
  missing: 'red',
  pending: 'cyan',
  checking: 'cyan',
  obtaining: 'cyan',
  provisioning: 'cyan',
  removing: 'yellow',
  releasing: 'yellow',
  error: 'red',
  down: 'red',
  failed: 'red',
  expired: 'red',
  revoked: 'red',
  offline: 'red',
  unresolved: 'red',
};

/** A state in the colour that it has everywhere. */
export function paintState(style: Style, state: string): string {
  const paint = PAINTS[state];
  return paint ? style(paint, state) : state;
}
