import type { Clock } from '../base/clock.ts';

/** The types of records that load balancers have to do with. */
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'TXT';

export const RECORD_TYPES: readonly RecordType[] = ['A', 'AAAA', 'CNAME', 'TXT'];

/** All records of one name and type. Names are in lower case without a dot at the end. */
export interface RecordSet {
  name: string;
  type: RecordType;
  /** Seconds. */
  ttl: number;
  /** Addresses as {@link formatIp} writes them, host names like names, texts as they are without quotes. Sorted. */
  values: readonly string[];
}

/** One record set as it was read and as it should become. `undefined` is none. */
export interface RecordEdit {
  from: RecordSet | undefined;
  to: RecordSet | undefined;
}

/** A record set that must be as it was read for a change to happen. Without values there must be none. */
export type Expectation = Pick<RecordSet, 'name' | 'type' | 'values'>;

/** A change of some record sets that were read before. */
export interface ZoneChange {
  /** What else must hold besides the `from` of each edit. */
  expect: readonly Expectation[];
  /** In the order in which they are made where a provider cannot make them at once. */
  edits: readonly RecordEdit[];
}

/** One text among those of a name. */
export interface TextRecord {
  name: string;
  value: string;
  /** Seconds. */
  ttl: number;
}

/** What a provider works with besides its settings. */
export interface ProviderContext {
  clock: Pick<Clock, 'now' | 'sleep'>;
  /** Aborted when nobody wants anything of it any more: what runs then ends at once, as unreachable. */
  signal: AbortSignal;
}

/** A zone at whoever serves it. Every call is one attempt; what fails is thrown as a {@link DnsFault}. */
export interface DnsProvider {
  /** Finds out whether the zone is there and the credential is accepted. Changes nothing. */
  check(): Promise<void>;
  /** The record sets of some names, of {@link RECORD_TYPES} alone. What a wildcard stands in for is not there. */
  read(names: readonly string[]): Promise<RecordSet[]>;
  /** Makes a change, all of it or none where the provider can. Throws `conflict` when it is not as it was read. */
  change(change: ZoneChange): Promise<void>;
  /** Adds one text to those that the name has, and waits until it is served where the provider tells. */
  addText(record: TextRecord): Promise<void>;
  /** Removes one text and leaves the others of the name. One that is not there is no fault. */
  removeText(record: Pick<TextRecord, 'name' | 'value'>): Promise<void>;
}

/**
 * Why a provider did not do what was asked. `conflict`: somebody changed the records since they were read. `refused`:
 * the credential may not. `no_zone`: it does not have the zone. `unreachable`: no answer. `failed`: anything else.
 */
export type DnsFaultKind = 'conflict' | 'refused' | 'no_zone' | 'unreachable' | 'failed';

export class DnsFault extends Error {
  override readonly name = 'DnsFault';
  readonly kind: DnsFaultKind;

  constructor(kind: DnsFaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}
