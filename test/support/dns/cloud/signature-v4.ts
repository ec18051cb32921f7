import { createHash, createHmac } from 'node:crypto';
import type { CloudRequest } from './server.ts';

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(?<id>[^/]+)\/(?<day>\d{8})\/(?<region>[^/]+)\/(?<service>[^/]+)\/aws4_request, ?SignedHeaders=(?<signed>[^,]+), ?Signature=(?<signature>[0-9a-f]{64})$/;

/** Whether a request carries the signature (AWS Signature Version 4) of an access key, for Route 53. */
export function isSignedBy(
  { method, path, query, headers, body }: CloudRequest,
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string },
): boolean {
  const groups = AUTHORIZATION.exec(headers['authorization'] ?? '')?.groups;
  const { id, day = '', region = '', service = '', signed = '', signature } = groups ?? {};
  const time = headers['x-amz-date'] ?? '';
  const names = signed.split(';');
  if (id !== accessKeyId || service !== 'route53' || !time.startsWith(day)) return false;
  if (!names.includes('host') || !names.includes('x-amz-date')) return false;
  const pairs = [...query].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonical = [
    method,
    path.split('/').map(encode).join('/'),
    pairs.join('&'),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    signed,
    sha256(body),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => hmac(secret, part),
    `AWS4${secretAccessKey}`,
  );
  return hmac(key, text).toString('hex') === signature;
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
