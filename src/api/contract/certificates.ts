import { z } from 'zod';
import { ResourceName } from '../../spec/name.ts';
import {
  CertificateStatus,
  CertificateUpload,
  Renewal,
  RenewalRequest,
  TermsAgreement,
  UploadedCertificate,
} from '../certificates.ts';
import { POST_HEADERS, DryRunQuery, nameOrId, orDryRun, pageOf } from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ loadBalancer: nameOrId });
const oneCertificate = params.extend({
  certificate: z.string().max(300).describe('Name of the uploaded certificate.'),
});
/** A key and a chain, with room for what is too long to say so. */
const UPLOAD_LIMIT = 512 * 1024;
const HEADERS = ['Prefer'] as const;

const EXAMPLE = {
  certificate: '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n',
  privateKey: '-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n',
};

export const UploadResult = UploadedCertificate.describe(
  'The uploaded certificate; with `?dryRun=true` as it would be.',
);

export const certificateRoutes = defineRoutes({
  listCertificates: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/certificates',
    tag: 'Certificates',
    summary: 'List how it stands with the certificates',
    description:
      'With who has agreed to the terms of which CA. Every domain in `spec.tls`, every further name of the uploaded certificate that `spec.tls.certificate` names, and what was uploaded and is not used.',
    role: 'viewer',
    params,
    responses: {
      200: {
        description: 'All of them.',
        schema: pageOf(CertificateStatus).extend({
          agreements: z
            .array(TermsAgreement)
            .describe('Who has agreed to the terms of which CA, and when; the newest first.'),
        }),
      },
    },
  },
  uploadCertificate: {
    method: 'POST',
    path: '/v1/load-balancers/{loadBalancer}/certificates',
    tag: 'Certificates',
    summary: 'Upload a certificate',
    description:
      'Checked whole: the key must be its own, the chain complete and in time, nothing weak. It is served once `spec.tls.certificate` names it. When there is one of that name the answer is 409; PUT replaces.',
    role: 'operator',
    params,
    query: DryRunQuery,
    headers: POST_HEADERS,
    bodyLimit: UPLOAD_LIMIT,
    body: {
      schema: CertificateUpload.extend({ name: ResourceName }),
      examples: { one: { name: 'main', ...EXAMPLE } },
    },
    responses: {
      200: { description: 'With `?dryRun=true`: it would be accepted.', schema: UploadResult },
      201: {
        description: 'It was uploaded.',
        schema: UploadedCertificate,
        headers: { Location: 'Path of the certificate.' },
      },
    },
  },
  getCertificate: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/certificates/{certificate}',
    tag: 'Certificates',
    summary: 'Show an uploaded certificate',
    description: 'What it says and its chain; never its key.',
    role: 'viewer',
    params: oneCertificate,
    responses: { 200: { description: 'The certificate.', schema: UploadedCertificate } },
  },
  putCertificate: {
    method: 'PUT',
    path: '/v1/load-balancers/{loadBalancer}/certificates/{certificate}',
    tag: 'Certificates',
    summary: 'Upload a certificate, or replace one',
    description:
      'As POST. One that is served is replaced without a reload, and no handshake fails meanwhile.',
    role: 'operator',
    params: oneCertificate,
    query: DryRunQuery,
    headers: HEADERS,
    bodyLimit: UPLOAD_LIMIT,
    body: { schema: CertificateUpload, examples: { one: EXAMPLE } },
    responses: {
      200: { description: 'It was replaced, or was so already.', schema: UploadResult },
      201: { description: 'It was uploaded.', schema: UploadedCertificate },
    },
  },
  deleteCertificate: {
    method: 'DELETE',
    path: '/v1/load-balancers/{loadBalancer}/certificates/{certificate}',
    tag: 'Certificates',
    summary: 'Delete an uploaded certificate',
    description: 'With its key. Refused while `spec.tls.certificate` names it.',
    role: 'operator',
    params: oneCertificate,
    query: DryRunQuery,
    headers: HEADERS,
    responses: {
      200: {
        description: 'With `?dryRun=true`: what would be deleted.',
        schema: orDryRun(UploadedCertificate),
      },
      204: { description: 'It is deleted.' },
    },
  },
  renewCertificates: {
    method: 'POST',
    path: '/v1/load-balancers/{loadBalancer}/certificates/renew',
    tag: 'Certificates',
    summary: 'Renew certificates now',
    description:
      'Has every node ask the CA for new certificates of the domains, whatever their age; nodes that did not answer are named in `missing`. CAs limit how often: Let’s Encrypt to five a week for one name.',
    role: 'operator',
    problems: [503],
    params,
    body: { schema: RenewalRequest, examples: { all: {}, one: { domain: 'app.example.com' } } },
    responses: { 202: { description: 'They are asked for.', schema: Renewal } },
  },
});
