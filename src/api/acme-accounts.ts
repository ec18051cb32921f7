import { z } from 'zod';

const JsonText = z.string().max(65_536);

/** An account with a CA, as certbot keeps it. It holds a private key. */
export const AcmeAccount = z.strictObject({
  /** certbot's name for it, which follows from its key: the name of its folder. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** The private key, a JWK. */
  privateKey: JsonText,
  /** What the CA answered when it was made, JSON. */
  registration: JsonText,
  /** When and where it was made, JSON. */
  meta: JsonText,
  /** What the agent keeps of how it came about, JSON. */
  about: JsonText,
});
export type AcmeAccount = z.infer<typeof AcmeAccount>;

/** What a node says of the account that all nodes of its load balancer should use. */
export const AccountOffer = z.strictObject({
  /** Directory of the CA. */
  server: z.url().max(2048),
  /** The account that the node has; absent when it has none. */
  account: AcmeAccount.optional(),
  /** Id of an account that the CA does not know any more, which the one that is offered takes the place of. */
  replaces: AcmeAccount.shape.id.optional(),
});
export type AccountOffer = z.infer<typeof AccountOffer>;

/** The account that the nodes use: the first that was offered. */
export const SharedAccount = z.strictObject({ account: AcmeAccount });
