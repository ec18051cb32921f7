import {
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  GetHostedZoneCommand,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
  type RRType,
  type ResourceRecordSet,
  Route53Client,
  Route53ServiceException,
} from '@aws-sdk/client-route-53';
import type { z } from 'zod';
import type { Route53 } from '../../spec/dns-zone.ts';
import { textChanges } from '../edits.ts';
import {
  DnsFault,
  type DnsProvider,
  type ProviderContext,
  RECORD_TYPES,
  type RecordSet,
  type RecordType,
  type ZoneChange,
} from '../provider.ts';
import {
  canonicalName,
  expectationsOf,
  findSet,
  groupRecords,
  namesOf,
  quoteText,
  requireAsRead,
  unquoteText,
} from '../records.ts';
import { unreachable, usualKind } from './http.ts';

const WHO = 'Route 53';
const REGION = 'us-east-1';
const TIMEOUT_MS = 10_000;
const POLL_MS = 2000;
const MAX_POLLS = 45;
const ESCAPED = /\\(\d{3})/g;
const REFUSALS =
  /^(InvalidClientTokenId|SignatureDoesNotMatch|AccessDenied|UnrecognizedClient|ExpiredToken|IncompleteSignature)/;
const TOO_LATE = /already exists|not found|do not match|conflicting/i;

/**
 * A hosted zone of Route 53. A change is one batch, made as a whole or not at all, which deletes every set exactly as it
 * was read: so it fails where somebody was faster.
 */
export function createRoute53Provider(
  zone: string,
  settings: z.output<typeof Route53>,
  { clock, signal }: ProviderContext,
): DnsProvider {
  const { accessKeyId, secretAccessKey, hostedZoneId, apiUrl } = settings;
  const client = new Route53Client({
    region: REGION,
    credentials: { accessKeyId, secretAccessKey },
    ...(apiUrl === undefined ? {} : { endpoint: apiUrl }),
    // Whoever calls tries again by itself, and must know how often.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS },
  });
  let known = hostedZoneId;
  let newestChange: string | undefined;
  const zoneId = async (): Promise<string> => {
    if (known !== undefined) return known;
    const { HostedZones = [] } = await client.send(
      new ListHostedZonesByNameCommand({ DNSName: `${zone}.` }),
      { abortSignal: signal },
    );
    const found = HostedZones.find(
      ({ Name = '', Config }) => canonicalName(unescapeName(Name)) === zone && !Config?.PrivateZone,
    );
    known = found?.Id?.replace('/hostedzone/', '');
    if (known !== undefined) return known;
    throw new DnsFault('no_zone', `${WHO} has no public hosted zone ${zone} that the access key may see`);
  };
  const readName = async (name: string): Promise<RecordSet[]> => {
    const query = {
      HostedZoneId: await zoneId(),
      StartRecordName: `${name}.`,
      StartRecordType: 'A' as RRType,
    };
    const { ResourceRecordSets = [] } = await client.send(new ListResourceRecordSetsCommand(query), {
      abortSignal: signal,
    });
    return groupRecords(ResourceRecordSets.flatMap(fromApi)).filter((set) => set.name === name);
  };
  const read = async (names: readonly string[]) => (await Promise.all(names.map(readName))).flat();
  const change = async (wanted: ZoneChange) => {
    const seen = await read(namesOf(wanted));
    requireAsRead(seen, wanted);
    const Changes = changesOf(wanted, seen);
    if (Changes.length === 0) return;
    const ChangeBatch = { Comment: 'AgentMetal Load Balancer', Changes };
    const command = new ChangeResourceRecordSetsCommand({ HostedZoneId: await zoneId(), ChangeBatch });
    newestChange = (await client.send(command, { abortSignal: signal })).ChangeInfo?.Id;
  };
  /** A change is answered at once and served later. Whoever publishes a challenge needs it served. */
  const untilServed = async () => {
    for (let polls = 0; newestChange !== undefined && polls < MAX_POLLS; polls++) {
      const { ChangeInfo } = await client.send(new GetChangeCommand({ Id: newestChange }), {
        abortSignal: signal,
      });
      if (ChangeInfo?.Status === 'INSYNC') return;
      await clock.sleep(POLL_MS, signal);
    }
  };
  const provider = {
    read: (names: readonly string[]) => asFault(() => read(names)),
    change: (wanted: ZoneChange) => asFault(() => change(wanted)),
  };
  const texts = textChanges(provider);
  return {
    check: () =>
      asFault(async () => {
        const { HostedZone } = await client.send(new GetHostedZoneCommand({ Id: await zoneId() }), {
          abortSignal: signal,
        });
        if (canonicalName(unescapeName(HostedZone?.Name ?? '')) === zone) return;
        throw new DnsFault('no_zone', `the hosted zone ${await zoneId()} is not ${zone}`);
      }),
    ...provider,
    async addText(record) {
      await texts.addText(record);
      await asFault(untilServed);
    },
    removeText: texts.removeText,
  };
}

interface Change {
  Action: 'CREATE' | 'DELETE';
  ResourceRecordSet: ResourceRecordSet;
}

/** What must hold and is not edited is deleted and created as it is, so that the batch fails when it has changed. */
function changesOf(change: ZoneChange, seen: readonly RecordSet[]): Change[] {
  const edited = new Set(change.edits.map(({ from, to }) => keyOf(from ?? to)));
  const guards = expectationsOf(change).flatMap((expected) => {
    const set = edited.has(keyOf(expected)) ? undefined : findSet(seen, expected);
    return set ? [{ from: set, to: set }] : [];
  });
  const edits = [...guards, ...change.edits];
  return [
    ...edits.flatMap(({ from }) => (from ? [toApi('DELETE', from)] : [])),
    ...edits.flatMap(({ to }) => (to ? [toApi('CREATE', to)] : [])),
  ];
}

function keyOf(set: Pick<RecordSet, 'name' | 'type'> | undefined): string {
  return `${set?.name ?? ''} ${set?.type ?? ''}`;
}

function toApi(Action: Change['Action'], { name, type, ttl, values }: RecordSet): Change {
  const ResourceRecords = values.map((value) => ({ Value: type === 'TXT' ? quoteText(value) : value }));
  return { Action, ResourceRecordSet: { Name: `${name}.`, Type: type, TTL: ttl, ResourceRecords } };
}

function fromApi({ Name = '', Type, TTL = 0, ResourceRecords = [], AliasTarget }: ResourceRecordSet) {
  const type: RecordType | undefined = RECORD_TYPES.find((candidate) => candidate === Type);
  if (!type) return [];
  const name = unescapeName(Name);
  // An alias has no records of its own, but it is in the way of others all the same.
  const values = AliasTarget
    ? [`alias of ${AliasTarget.DNSName ?? ''}`]
    : ResourceRecords.map(({ Value = '' }) => Value);
  return values.map((value) => ({
    name,
    type,
    ttl: TTL,
    value: type === 'TXT' ? unquoteText(value) : value,
  }));
}

/** Route 53 writes what is no letter, digit, hyphen or underscore in octal: `\052` is the star. */
function unescapeName(name: string): string {
  return name.replaceAll(ESCAPED, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

async function asFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DnsFault) throw error;
    if (!(error instanceof Route53ServiceException)) throw unreachable(WHO, error);
    throw toFault(error);
  }
}

function toFault(error: Route53ServiceException): DnsFault {
  const { name, message, $metadata } = error;
  const status = $metadata.httpStatusCode ?? 0;
  const kindOf = () => {
    if (REFUSALS.test(name)) return 'refused';
    if (name === 'NoSuchHostedZone') return 'no_zone';
    return name === 'InvalidChangeBatch' && TOO_LATE.test(message) ? 'conflict' : usualKind(status);
  };
  return new DnsFault(kindOf(), `${WHO} answered ${status}: ${name}: ${message}`, error);
}
