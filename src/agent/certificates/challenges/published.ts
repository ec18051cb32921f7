import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import type { ChallengePublisher } from './publisher.ts';

/** A TXT record of ours. */
export interface TxtRecord {
  name: string;
  value: string;
}

/** Keeps in mind which TXT records were made, so that none stays behind, whatever ends in between. */
export interface PublishedRecords {
  add(record: TxtRecord, publisher: ChallengePublisher): Promise<void>;
  remove(record: TxtRecord, publisher: ChallengePublisher): Promise<void>;
  /** Takes away whatever is there still; rejects when that could not be done for all. */
  clear(publisher: ChallengePublisher): Promise<void>;
}

export function createPublishedRecords(file: string): PublishedRecords {
  const read = async (): Promise<TxtRecord[]> => {
    const text = await readTextIfExists(file);
    return text === undefined || text === '' ? [] : (JSON.parse(text) as TxtRecord[]);
  };
  const write = (records: readonly TxtRecord[]) => writeFileAtomic(file, JSON.stringify(records));
  const without = (records: readonly TxtRecord[], { name, value }: TxtRecord) =>
    records.filter((record) => record.name !== name || record.value !== value);
  const remove = async (record: TxtRecord, publisher: ChallengePublisher) => {
    await publisher.remove(record.name, record.value);
    await write(without(await read(), record));
  };
  return {
    async add(record, publisher) {
      // Written down before it is made: what was made in the moment of a crash is found as well.
      await write([...without(await read(), record), record]);
      await publisher.publish(record.name, record.value);
    },
    remove,
    async clear(publisher) {
      for (const record of await read()) await remove(record, publisher);
    },
  };
}
