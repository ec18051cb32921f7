import type { Event } from '../../api/events.ts';
import { type Paint, type Style, printable } from './style.ts';

const PAINTS: Readonly<Record<Event['severity'], Paint>> = { info: 'green', warning: 'yellow', error: 'red' };
const LONGEST_SEVERITY = 7;

/** One event for people: when, how bad, what, of whom, and what to do. */
export function renderEvent(
  { time, severity, type, resource, message, count, firstTime }: Event,
  style: Style,
): string {
  const when = `${time.slice(0, 10)} ${time.slice(11, 19)}`;
  const again = count > 1 ? style('dim', ` (${count} times since ${firstTime.slice(11, 19)})`) : '';
  const padding = ' '.repeat(LONGEST_SEVERITY - severity.length);
  const name = printable(resource.name);
  return `${when}  ${style(PAINTS[severity], severity)}${padding}  ${style('bold', type)}  ${name}: ${printable(message)}${again}\n`;
}
