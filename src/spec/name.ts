import { z } from 'zod';

/** A resource's name: an RFC 1123 label, so that it is safe in host names, paths, file names and haproxy.cfg. */
export const ResourceName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit',
  )
  .describe('Name, unique among its kind: 1 to 63 lower-case letters, digits and hyphens (RFC 1123 label).');

const LABEL_PART = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** Labels as Kubernetes writes them: free key-value pairs that selectors match. */
export const Labels = z
  .record(
    z.string().regex(LABEL_KEY, 'is not a label key such as env or example.com/env'),
    z.union([z.literal(''), z.string().regex(LABEL_PART, 'is not a label value such as prod')]),
  )
  .refine((labels) => Object.keys(labels).length <= 64, 'at most 64 labels')
  .describe('Free key-value pairs to select by. Default: none.');
export type Labels = z.infer<typeof Labels>;
