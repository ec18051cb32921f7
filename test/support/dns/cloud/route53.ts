import { ZONE } from '../zone-server.ts';
import { type CloudAnswer, type CloudRequest, type CloudServer, startCloudServer } from './server.ts';
import { isSignedBy } from './signature-v4.ts';
import { type ModelRecord, ZoneModel } from './zone-model.ts';

export const ROUTE53_KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const ZONE_ID = 'Z1D633PJN98FT9';
const NAMESPACE = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"';

/** The zone, and how far the newest change is. */
type Model = ZoneModel & { pendingLooks: number };

interface Set {
  name: string;
  type: string;
  ttl: number;
  values: string[];
}

/** Speaks the part of Route 53's API (2013-04-01) that we use, by its documentation, and verifies each signature. */
export function startRoute53(): Promise<CloudServer> {
  const model: Model = Object.assign(new ZoneModel(), { pendingLooks: 0 });
  return startCloudServer((request) => answer(model, request));
}

function answer(model: Model, request: CloudRequest): CloudAnswer {
  const { method, path, query, body } = request;
  const base = `/2013-04-01/hostedzone/${ZONE_ID}`;
  if (!isSignedBy(request, ROUTE53_KEY))
    return failure(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match.');
  const zone = `<HostedZone><Id>/hostedzone/${ZONE_ID}</Id><Name>${ZONE}.</Name><CallerReference>r</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone>`;
  if (path === '/2013-04-01/hostedzonesbyname') {
    // The list begins at the name and goes on with what comes after it.
    const zones = (query.get('dnsname') ?? '') <= `${ZONE}.` ? zone : '';
    return xml(
      'ListHostedZonesByNameResponse',
      `<HostedZones>${zones}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>`,
    );
  }
  if (path === '/2013-04-01/change/C1') return xml('GetChangeResponse', changeInfo(model));
  if (path === base) return xml('GetHostedZoneResponse', zone);
  if (!path.startsWith(`${base}/rrset`)) return failure(404, 'NoSuchHostedZone', 'No hosted zone found.');
  if (method === 'GET') return xml('ListResourceRecordSetsResponse', list(model, query));
  return change(model, body);
}

function list(model: Model, query: URLSearchParams): string {
  const order = (name: string, type: string) =>
    `${name.replace(/\.$/, '').split('.').toReversed().join('.')} ${type}`;
  const start = order(query.get('name') ?? '', query.get('type') ?? '');
  const sets = [...Map.groupBy(model.records, ({ name, type }) => order(name, type))]
    .filter(([key]) => key >= start)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, records]) => setXml(records));
  return `<ResourceRecordSets>${sets.join('')}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems>`;
}

function setXml(records: ModelRecord[]): string {
  const [first] = records;
  const values = records.map(
    ({ data }) => `<ResourceRecord><Value>${escapeXml(data)}</Value></ResourceRecord>`,
  );
  const name = `${first?.name ?? ''}.`.replaceAll('*', String.raw`\052`);
  return `<ResourceRecordSet><Name>${name}</Name><Type>${first?.type}</Type><TTL>${first?.ttl}</TTL><ResourceRecords>${values.join('')}</ResourceRecords></ResourceRecordSet>`;
}

/** All changes of a batch are made or none. */
function change(model: Model, body: string): CloudAnswer {
  const before = model.records;
  for (const [, part = ''] of body.matchAll(/<Change>(.*?)<\/Change>/gs)) {
    const fault = apply(model, /<Action>(\w+)</.exec(part)?.[1] ?? '', readSet(part));
    if (fault !== undefined) {
      model.records = before;
      return failure(400, 'InvalidChangeBatch', `[${fault}]`);
    }
  }
  model.pendingLooks = 2;
  return xml('ChangeResourceRecordSetsResponse', changeInfo(model));
}

/** A change is in all name servers when it is asked for the second time. */
function changeInfo(model: Model): string {
  const status = model.pendingLooks > 0 ? 'PENDING' : 'INSYNC';
  model.pendingLooks -= 1;
  return `<ChangeInfo><Id>/change/C1</Id><Status>${status}</Status><SubmittedAt>2026-11-23T00:00:00Z</SubmittedAt></ChangeInfo>`;
}

function apply(model: Model, action: string, { name, type, ttl, values }: Set): string | undefined {
  const present = model.at(name, type);
  const about = `resource record set [name='${name}.', type='${type}']`;
  if (action === 'DELETE') {
    if (present.length === 0) return `Tried to delete ${about} but it was not found`;
    const same =
      present
        .map(({ data }) => data)
        .sort()
        .join() === [...values].sort().join();
    if (!same || present[0]?.ttl !== ttl)
      return `Tried to delete ${about} but the values provided do not match the current values`;
    model.remove(new Set(present.map(({ id }) => id)));
    return undefined;
  }
  if (present.length > 0) return `Tried to create ${about} but it already exists`;
  if (model.at(name, 'CNAME').length > 0)
    return `RRSet of type ${type} is not permitted: conflicting with CNAME`;
  for (const data of values) model.add({ name, type, ttl, data });
  return undefined;
}

function readSet(part: string): Set {
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(part)?.[1] ?? '';
  const values = [...part.matchAll(/<Value>([^<]*)<\/Value>/g)].map(([, value = '']) => unescapeXml(value));
  return { name: field('Name').replace(/\.$/, ''), type: field('Type'), ttl: Number(field('TTL')), values };
}

const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" } as const;

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|apos);/g, (entity) => ENTITIES[entity as keyof typeof ENTITIES]);
}

function xml(name: string, content: string): CloudAnswer {
  return { status: 200, body: `<?xml version="1.0"?><${name} ${NAMESPACE}>${content}</${name}>` };
}

function failure(status: number, code: string, message: string): CloudAnswer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  return {
    status,
    body: `<?xml version="1.0"?><ErrorResponse ${NAMESPACE}>${error}<RequestId>r</RequestId></ErrorResponse>`,
  };
}
