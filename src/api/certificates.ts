import { z } from 'zod';
import { MissingNodes } from './logs.ts';

export const CertificateAlert = z
  .enum(['none', 'warning', 'critical'])
  .describe(
    'Whether somebody should look: `warning` when less than a quarter of its lifetime is left, `critical` when less than a tenth, when it has ended or is revoked, or when it cannot be served.',
  );

/** How it stands with the certificate of one domain on a machine. */
const fields = {
  domain: z.string().max(253).describe('The domain, or the name in an uploaded certificate.'),
  state: z
    .enum(['pending', 'obtaining', 'active', 'renewing', 'revoked', 'expired', 'failed', 'unused'])
    .describe(
      '`pending`: there is none yet, and no CA has been asked, for the reason given if there is one; HTTPS answers with a placeholder. `obtaining`: the same, and the CA is being asked. `active`: a valid one is served. `renewing`: the same, and the next is being obtained. `revoked`: its CA has taken back the one that is served; clients that look refuse it. `expired`: the one that is served has ended. `failed`: there is none, because the CA was asked in vain or what there is cannot be served. `unused`: uploaded, but `spec.tls.certificate` does not name it.',
    ),
  source: z
    .enum(['acme', 'uploaded'])
    .describe('Whether it is obtained from a CA by the load balancer, or was uploaded.'),
  certificate: z
    .string()
    .max(300)
    .optional()
    .describe('Name of the certificate that is served for the domain.'),
  reasonCode: z
    .string()
    .max(64)
    .optional()
    .describe('Stable word for the reason, where there is one to act on.'),
  reason: z.string().max(2000).describe('The state in words.'),
  whatToDo: z
    .string()
    .max(2000)
    .optional()
    .describe('What to do about it, in words; absent when nothing is to be done.'),
  issuer: z.string().max(500).optional().describe('Who issued the one that is served.'),
  serial: z
    .string()
    .max(100)
    .optional()
    .describe(
      'Serial number of the one that is served, hexadecimal. HAProxy is asked for it at each look, every second.',
    ),
  notBefore: z.iso.datetime().optional().describe('When it begins, RFC 3339.'),
  notAfter: z.iso.datetime().optional().describe('When it ends, RFC 3339.'),
  revokedAt: z.iso
    .datetime()
    .optional()
    .describe('Since when its CA has revoked it, RFC 3339, where it is `revoked` and the CA says so.'),
  revocationReason: z
    .string()
    .max(64)
    .optional()
    .describe('Why, by the CA’s own word (RFC 5280, 5.3.1), such as `keyCompromise`, where it says so.'),
  nextRenewalAt: z.iso.datetime().optional().describe('When it is renewed next, RFC 3339.'),
  lastAttemptAt: z.iso.datetime().optional().describe('When the CA was last asked, RFC 3339.'),
  attempts: z.int().min(0).optional().describe('Attempts since the last that went well.'),
  alert: CertificateAlert,
  alertReason: z.string().max(500).optional().describe('Why somebody should look, in words.'),
};

/** What an agent tells of a certificate. */
export const CertificateReport = z.strictObject(fields);
export type CertificateReport = z.infer<typeof CertificateReport>;

export const CertificateStatus = z
  .strictObject({
    ...fields,
    machine: z.string().optional().describe('The machine that sees it so; absent before one has told.'),
  })
  .describe('How it stands with the certificate of one domain.');
export type CertificateStatus = z.infer<typeof CertificateStatus>;

/** A CA that speaks ACME, as an agent knows it. */
export const CertificateAuthority = z
  .strictObject({
    directory: z.string().max(2000).describe('Its directory (RFC 8555).'),
    termsOfService: z
      .string()
      .max(2000)
      .optional()
      .describe(
        'Its terms, as it names them itself; absent until it has been asked, or where it names none.',
      ),
  })
  .describe('The CA from which certificates are ordered.');
export type CertificateAuthority = z.infer<typeof CertificateAuthority>;

export const TermsAgreement = z
  .strictObject({
    directory: z
      .string()
      .optional()
      .describe('Directory of the CA; absent until an agent has told which one it asks.'),
    termsOfService: z
      .string()
      .optional()
      .describe('Its terms, as it named them; absent until it has been asked, or where it names none.'),
    agreedBy: z.string().describe('Name of the API key with which a domain was named.'),
    agreedAt: z.iso.datetime().describe('When, RFC 3339.'),
    isCurrent: z
      .boolean()
      .describe('Whether this CA is still the one that is asked, and its terms are still these.'),
  })
  .describe('That somebody has agreed to the terms of a CA by naming a domain.')
  .meta({
    examples: [
      {
        directory: 'https://acme-v02.api.letsencrypt.org/directory',
        termsOfService: 'https://letsencrypt.org/documents/LE-SA-v1.5-February-24-2025.pdf',
        agreedBy: 'admin',
        agreedAt: '2026-11-23T04:00:00.000Z',
        isCurrent: true,
      },
    ],
  });
export type TermsAgreement = z.infer<typeof TermsAgreement>;

/** A name as a resource has it, or longer: what is wrong with it is then said in words. */
const CertificateText = z.string().max(131_072);

export const CertificateUpload = z
  .strictObject({
    certificate: CertificateText.describe(
      'PEM: the certificate and those between it and its CA, in any order.',
    ),
    privateKey: z
      .string()
      .max(32_768)
      .describe('PEM of its private key, without a passphrase. It is kept encrypted and never shown again.'),
  })
  .describe('A certificate with its key.');
export type CertificateUpload = z.infer<typeof CertificateUpload>;

export const UploadedCertificate = z
  .strictObject({
    name: z.string().describe('Name, which `spec.tls.certificate` goes by.'),
    inUse: z.boolean().describe('Whether `spec.tls.certificate` names it.'),
    names: z.array(z.string()).describe('Names that it is for.'),
    subject: z.string(),
    issuer: z.string(),
    serial: z.string().describe('Serial number, hexadecimal.'),
    notBefore: z.iso.datetime(),
    notAfter: z.iso.datetime(),
    fingerprint: z.string().describe('SHA-1 of the certificate, hexadecimal.'),
    key: z.string().describe('Kind of its key, such as `EC prime256v1`.'),
    certificate: z.string().describe('PEM of the certificate and those between it and its CA.'),
    warnings: z.array(z.string()).describe('What clients may stumble over, in words.'),
    uploadedBy: z.string().describe('Name of the API key that uploaded it.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime().describe('When it was last replaced.'),
  })
  .describe('An uploaded certificate. Its key is never shown.');
export type UploadedCertificate = z.infer<typeof UploadedCertificate>;

/** What certificates of domains are renewed. */
export const RenewalRequest = z
  .strictObject({
    domain: z.string().max(253).optional().describe('The domain alone. Default: all of them.'),
    node: z
      .string()
      .max(64)
      .optional()
      .describe(
        'Machine of one node alone, for each node has certificates of its own. Default: all of them.',
      ),
  })
  .describe('Which certificates to renew now.');

export const Renewal = z
  .strictObject({
    domains: z.array(z.string()).describe('Domains whose certificates are asked for, on any node.'),
    nodes: z
      .array(
        z.strictObject({
          machine: z.string().describe('Name of the machine.'),
          domains: z.array(z.string()).describe('Domains for which it asks.'),
        }),
      )
      .describe('The nodes that ask, each for certificates of its own.'),
    missing: MissingNodes.optional(),
  })
  .describe('Certificates that are renewed. `GET …/certificates` tells how it goes.');
export type Renewal = z.infer<typeof Renewal>;
