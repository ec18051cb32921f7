import { isDeepStrictEqual } from 'node:util';
import type { DnsZone } from '../../api/dns-zones.ts';
import type { ResourceDryRun } from '../../api/resources.ts';
import { AppError } from '../../base/errors.ts';
import { diffValues } from '../../spec/diff.ts';
import { type DnsZoneInput, withoutSecrets } from '../../spec/dns-zone.ts';
import {
  type DnsRecordRow,
  dnsRecordsInZone,
  forgetZoneRecords,
  hurryZone,
} from '../../store/dns-records.ts';
import {
  type DnsZoneRecord,
  deleteDnsZone,
  findDnsZone,
  insertDnsZone,
  updateDnsZone,
} from '../../store/dns-zones.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { validationError } from '../http/read-request.ts';
import { orProviderFailed } from './zone-providers.ts';

type Context = Pick<ServerContext, 'clock' | 'newId' | 'sealer' | 'zones'>;

export interface ChangedZone {
  record: DnsZoneRecord;
  dryRun: ResourceDryRun;
}

/** Sees that the provider has the zone and accepts the credential. Asked before anything is stored. */
export async function requireUsable({ zones }: Context, { name, spec }: DnsZoneInput): Promise<void> {
  const provider = await zones.try(name, spec);
  await orProviderFailed(name, () => provider.check());
}

export async function createZone(context: Context, tx: Tx, wanted: DnsZoneInput): Promise<ChangedZone> {
  const other = await findDnsZone(tx, wanted.name);
  if (other) throw nameTaken(other);
  const now = timestamp(context);
  const record: DnsZoneRecord = {
    ...stored(context, wanted),
    id: context.newId('zone'),
    revision: 1,
    createdAt: now,
    updatedAt: now,
  };
  await insertDnsZone(tx, record);
  return { record, dryRun: dryRunOf(undefined, record) };
}

/** Records that could not be made with the provider or credential of before are tried at once. */
export async function replaceZone(
  context: Context,
  tx: Tx,
  before: DnsZoneRecord,
  wanted: DnsZoneInput,
): Promise<ChangedZone> {
  if (wanted.name !== before.name) {
    const detail = `a zone keeps its name (${before.name})`;
    throw validationError(
      [{ pointer: '/name', code: 'immutable', detail }],
      'Add a zone of that name instead.',
    );
  }
  const isSame =
    isDeepStrictEqual(before.labels, wanted.labels) &&
    isDeepStrictEqual(JSON.parse(context.sealer.open(before.sealed)), wanted.spec);
  if (isSame) return { record: before, dryRun: dryRunOf(before, before) };
  const record = {
    ...before,
    ...stored(context, wanted),
    revision: before.revision + 1,
    updatedAt: timestamp(context),
  };
  await updateDnsZone(tx, record);
  await hurryZone(tx, record.id, context.clock.now());
  return { record, dryRun: dryRunOf(before, record) };
}

export async function removeZone(
  tx: Tx,
  before: DnsZoneRecord,
  { keepRecords }: { keepRecords: boolean },
): Promise<ResourceDryRun> {
  const names = await loadBalancersOf(tx, await dnsRecordsInZone(tx, before.id));
  if (names.length > 0 && !keepRecords) throw zoneInUse(before, names);
  await forgetZoneRecords(tx, before.id);
  await deleteDnsZone(tx, before.id);
  return { ...dryRunOf(before, undefined), loadBalancers: names };
}

export async function zoneView(tx: Tx, record: DnsZoneRecord): Promise<DnsZone> {
  const { id, name, labels, spec, revision, createdAt, updatedAt } = record;
  const rows = await dnsRecordsInZone(tx, id);
  const failing = rows.find(({ attempts }) => attempts > 0);
  const status: DnsZone['status'] = {
    state: failing ? 'failed' : 'ready',
    reason: failing ? failing.message : 'its provider did what was asked last',
    loadBalancers: await loadBalancersOf(tx, rows),
  };
  return { id, name, labels, spec, status, revision, createdAt, updatedAt };
}

function stored({ sealer }: Context, { name, labels, spec }: DnsZoneInput) {
  return { name, labels, spec: withoutSecrets(spec), sealed: sealer.seal(JSON.stringify(spec)) };
}

/** Names of the load balancers with records in the zone; of one that is gone, and its records are not yet, the id. */
async function loadBalancersOf(tx: Tx, rows: readonly DnsRecordRow[]): Promise<string[]> {
  const names: string[] = [];
  for (const id of new Set(rows.map(({ loadBalancerId }) => loadBalancerId)))
    names.push((await findLoadBalancer(tx, id))?.name ?? id);
  return names.sort();
}

function dryRunOf(before: DnsZoneRecord | undefined, after: DnsZoneRecord | undefined): ResourceDryRun {
  const shown = (zone: DnsZoneRecord | undefined) =>
    zone && { name: zone.name, labels: zone.labels, spec: zone.spec };
  return { dryRun: true, diff: diffValues(shown(before), shown(after)), loadBalancers: [] };
}

function nameTaken({ name, id }: DnsZoneRecord): AppError {
  return new AppError('name_taken', `there is a DNS zone ${name} already (${id})`, {
    hint: `To give it another credential: agentmetal dns zone set ${name} --provider PROVIDER`,
  });
}

function zoneInUse({ name }: DnsZoneRecord, users: readonly string[]): AppError {
  const shown = users.slice(0, 10).join(', ') + (users.length > 10 ? `, and ${users.length - 10} more` : '');
  return new AppError('dns_zone_in_use', `load balancers have records in ${name}: ${shown}`, {
    hint: `Take the domains away from them first, or leave the records in DNS as they are: agentmetal dns zone remove ${name} --keep-records`,
  });
}
