import type { Selectable } from 'kysely';
import { EVENT_GROUPS, type Event, type EventType, SEVERITIES, type Severity } from '../api/events.ts';
import { nextEventNumber } from './meta.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/** What happens again to the same subject within this time is counted instead of written once more. */
const GATHER_MS = 10 * 60_000;
const KEPT_MS = 30 * 86_400_000;
const MAX_EVENTS = 50_000;
/** Of one resource and group: backends that come and go must not drive out what is told of certificates. */
const MAX_OF_GROUP = 500;
/** What is too much is deleted now and then, when a number is a multiple of this. */
const PRUNE_EVERY = 50;

/** Something to tell. */
export interface NewEvent extends Pick<Event, 'type' | 'severity' | 'resource' | 'message' | 'details'> {
  /** What of the resource it is about, such as a domain: what happens again to the same is counted. Default: ''. */
  subject?: string;
  /** When it happened, milliseconds since the epoch. Default: when it is told. */
  at?: number;
}

export interface EventRecord extends Omit<Event, 'id'> {
  number: number;
  subject: string;
}

/** The transactions in which something was told, so that those who follow can be woken afterwards. */
const told = new WeakSet<Tx>();

export function hasToldEvents(tx: Tx): boolean {
  return told.has(tx);
}

/**
 * Keeps events, in the transaction of what they tell. What happens again takes the place of the event before, with a new
 * number: who follows hears of each time, and the table does not grow by it.
 */
export async function tellEvents(tx: Tx, events: readonly NewEvent[], now: number): Promise<void> {
  for (const event of events) {
    const number = await nextEventNumber(tx);
    await keepEvent(tx, event, number, event.at ?? now);
    if (number % PRUNE_EVERY === 0) await prune(tx, event, number, now);
  }
  if (events.length > 0) told.add(tx);
}

async function keepEvent(tx: Tx, event: NewEvent, number: number, at: number): Promise<void> {
  const { type, severity, resource, message, details, subject = '' } = event;
  const time = new Date(at).toISOString();
  const latest = { number, time, severity, message, details: JSON.stringify(details) };
  const before = await ofSubject(tx, { resourceId: resource.id, type, subject })
    .select(['number', 'count'])
    .where('first_time', '>', new Date(at - GATHER_MS).toISOString())
    .where('first_time', '<=', time)
    .executeTakeFirst();
  if (before) {
    const values = { ...latest, count: before.count + 1, resource_name: resource.name };
    await tx.updateTable('events').set(values).where('number', '=', before.number).execute();
    return;
  }
  const { kind, id: resource_id, name: resource_name } = resource;
  await tx
    .insertInto('events')
    .values({ ...latest, first_time: time, count: 1, type, kind, resource_id, resource_name, subject })
    .execute();
}

export interface EventSubject {
  resourceId: string;
  type: EventType;
  subject: string;
}

/** The newest first. */
function ofSubject(tx: Tx, { resourceId, type, subject }: EventSubject) {
  return tx
    .selectFrom('events')
    .where('resource_id', '=', resourceId)
    .where('type', '=', type)
    .where('subject', '=', subject)
    .orderBy('number', 'desc')
    .limit(1);
}

/** What was last told of one thing. */
export async function lastEvent(tx: Tx, subject: EventSubject): Promise<EventRecord | undefined> {
  const row = await ofSubject(tx, subject).selectAll().executeTakeFirst();
  return row && fromRow(row);
}

async function prune(tx: Tx, { resource, type }: NewEvent, newest: number, now: number): Promise<void> {
  const oldest = new Date(now - KEPT_MS).toISOString();
  await tx.deleteFrom('events').where('time', '<', oldest).execute();
  const surplus = await tx
    .selectFrom('events')
    .select('number')
    .where('number', '<', newest)
    .orderBy('number', 'desc')
    .offset(MAX_EVENTS)
    .limit(1)
    .executeTakeFirst();
  if (surplus) await tx.deleteFrom('events').where('number', '<=', surplus.number).execute();
  const group = EVENT_GROUPS.find((each) => type.startsWith(`${each}.`)) ?? '';
  const ofGroup = await tx
    .selectFrom('events')
    .select('number')
    .where('resource_id', '=', resource.id)
    .where('type', 'like', `${group}.%`)
    .orderBy('number', 'desc')
    .offset(MAX_OF_GROUP)
    .limit(1)
    .executeTakeFirst();
  if (!ofGroup) return;
  await tx
    .deleteFrom('events')
    .where('resource_id', '=', resource.id)
    .where('type', 'like', `${group}.%`)
    .where('number', '<=', ofGroup.number)
    .execute();
}

/** Which events are wanted: those to which all of it applies. */
export interface EventFilter {
  /** Ids of what they happened to. Default: any. */
  resourceIds?: readonly string[] | undefined;
  /** Types, or `certificate.*`. Default: any. */
  types?: readonly string[] | undefined;
  /** The least severity. Default: any. */
  severity?: Severity | undefined;
}

/** Events below a number, the newest first. */
export async function listEvents(
  tx: Tx,
  filter: EventFilter,
  { before, limit }: { before: number; limit: number },
): Promise<EventRecord[]> {
  const rows = await filtered(tx, filter)
    .where('number', '<', before)
    .orderBy('number', 'desc')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

/** Events above a number, the oldest first. */
export async function eventsAfter(
  tx: Tx,
  filter: EventFilter,
  { after, limit }: { after: number; limit: number },
): Promise<EventRecord[]> {
  const rows = await filtered(tx, filter)
    .where('number', '>', after)
    .orderBy('number')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

function filtered(tx: Tx, { resourceIds, types, severity }: EventFilter) {
  let query = tx.selectFrom('events').selectAll();
  if (resourceIds) query = query.where('resource_id', 'in', resourceIds);
  if (severity) query = query.where('severity', 'in', SEVERITIES.slice(SEVERITIES.indexOf(severity)));
  if (!types) return query;
  return query.where((where) =>
    where.or(
      types.map((type) =>
        type.endsWith('.*') ? where('type', 'like', `${type.slice(0, -1)}%`) : where('type', '=', type),
      ),
    ),
  );
}

function fromRow(row: Selectable<Database['events']>): EventRecord {
  return {
    number: row.number,
    time: row.time,
    firstTime: row.first_time,
    count: row.count,
    type: row.type as EventType,
    severity: row.severity as Severity,
    resource: {
      kind: row.kind as Event['resource']['kind'],
      id: row.resource_id,
      name: row.resource_name,
    },
    subject: row.subject,
    message: row.message,
    details: JSON.parse(row.details) as Event['details'],
  };
}
