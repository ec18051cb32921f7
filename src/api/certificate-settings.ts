import { z } from 'zod';

/** How machines obtain certificates, as the operator has set it for the control plane, which tells it with its orders. */
export const CertificateSettings = z.object({
  /** Directory of the CA (RFC 8555); absent for Let's Encrypt's production. */
  server: z.string().max(2048).optional(),
  /** Roots of a private CA, PEM; absent for those of the machine. */
  caBundle: z.string().max(262_144).optional(),
  /** Mail address of the account; absent for none. */
  email: z.string().max(320).optional(),
  /** Binds the account to one that the operator has with the CA; absent for none. */
  eab: z
    .object({
      kid: z.string().max(1000),
      /** A secret, base64url. */
      hmacKey: z.string().max(1000),
    })
    .optional(),
  /** Name server (`ip:port`) that is asked before the CA is; absent for that of the machine. */
  resolver: z.string().max(64).optional(),
  /** Whether to look before the CA is asked; absent for yes. */
  preflight: z.boolean().optional(),
  /** What of the operator's settings cannot be used, in words; no CA is asked then. */
  fault: z.string().max(2000).optional(),
});
export type CertificateSettings = z.infer<typeof CertificateSettings>;
