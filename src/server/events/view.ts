import type { Event } from '../../api/events.ts';
import type { EventRecord } from '../../store/events.ts';

const ID = /^evt_(\d{1,15})$/;

export function eventId(number: number): string {
  return `evt_${number}`;
}

/** The number of an event by its id; undefined for what is no id. */
export function eventNumber(id: unknown): number | undefined {
  const digits = typeof id === 'string' ? ID.exec(id)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}

/** The event as the API shows it. */
export function eventView({ number, subject: _subject, ...event }: EventRecord): Event {
  return { id: eventId(number), ...event };
}
