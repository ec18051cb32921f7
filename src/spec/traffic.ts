import { z } from 'zod';
import { cidrList } from './cidr.ts';
import { durationBetween } from './duration.ts';
import { BodyText, ContentType } from './text.ts';

/** Media types that are worth compressing. */
export const COMPRESSED_TYPES = [
  'text/html',
  'text/plain',
  'text/css',
  'text/javascript',
  'application/javascript',
  'application/json',
  'application/xml',
  'image/svg+xml',
];

export const Compression = z
  .strictObject({
    types: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/, 'must be a media type such as text/html'),
      )
      .min(1)
      .max(50)
      .default(COMPRESSED_TYPES)
      .describe('Media types to compress. Default: the usual kinds of text.'),
  })
  .describe('Compresses answers (gzip) for clients that take it, where the backend has not done so.');
export type Compression = z.infer<typeof Compression>;

export const ProxyProtocol = z
  .strictObject({
    from: cidrList(
      'Networks whose connections begin with a PROXY protocol header; others connect directly. Empty is everyone. Changes at run time. Default: everyone.',
    ),
  })
  .describe(
    'Clients come through a proxy that sends the PROXY protocol (v1 or v2): their addresses are taken from it.',
  );
export type ProxyProtocol = z.infer<typeof ProxyProtocol>;

export const Maintenance = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether it is on. Goes on and off at run time once it has been set. Default: true.'),
    status: z.int().min(400).max(599).default(503).describe('Status of the answer (http). Default: 503.'),
    contentType: ContentType.default('text/html; charset=utf-8').describe(
      'Media type of the body (http). Default: text/html; charset=utf-8.',
    ),
    body: BodyText.default(
      '<!doctype html><title>Maintenance</title><h1>We will be back soon</h1><p>This site is under maintenance.</p>\n',
    ).describe('The page (http). Default: a short one.'),
    retryAfter: durationBetween(1000, 31_536_000_000)
      .optional()
      .describe('Value of Retry-After (http). Default: the header is not sent.'),
    exempt: cidrList('Networks whose clients are served all the same. Changes at run time. Default: none.'),
  })
  .describe('Answers every client with a page (tcp: closes every new connection).');
export type Maintenance = z.infer<typeof Maintenance>;
